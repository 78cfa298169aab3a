"""What the contestants in Python share: files of the workload, rounds of a given time, and the protocol of protocol.ts.

Not here: networks. Invariant: nothing is written to the standard output but answers.
"""

import json
import resource
import sys
import time

import numpy


def numbers_of(workload, name, dtype):
    """The content of one of the workload's files."""
    return numpy.fromfile(f"{workload}/{name}", dtype=dtype)


def inference_round(contestant, milliseconds):
    """Calls of `predict` on batch after batch, for at least so long."""
    batches = len(contestant.images) // contestant.batch
    calls = 0
    start = time.perf_counter()
    while True:
        first = (calls % batches) * contestant.batch
        contestant.predict(contestant.images[first : first + contestant.batch])
        calls += 1
        elapsed_ms = 1000 * (time.perf_counter() - start)
        if elapsed_ms >= milliseconds:
            return {"images": calls * contestant.batch, "calls": calls, "elapsedMs": elapsed_ms}


def training_round(contestant, milliseconds):
    """Calls of `step`, for at least so long."""
    losses = []
    start = time.perf_counter()
    while True:
        losses.append(contestant.step())
        elapsed_ms = 1000 * (time.perf_counter() - start)
        if elapsed_ms >= milliseconds:
            return {
                "images": len(losses) * contestant.batch,
                "calls": len(losses),
                "elapsedMs": elapsed_ms,
                "firstLoss": losses[0],
                "loss": sum(losses) / len(losses),
            }


def peak_bytes():
    """The high-water mark of this process alone; maxrss would begin at that of the process that started it."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def respond(contestant, version, request):
    before = time.process_time()
    what = request["do"]
    if what == "hello":
        return {"version": version}
    if what == "memory":
        return {"peakBytes": peak_bytes()}
    if what == "predict":
        return {"probabilities": contestant.predict(contestant.images[: request["images"]]).ravel().tolist()}
    answer = contestant.round(request["milliseconds"])
    return {**answer, "processorMs": 1000 * (time.process_time() - before)}


def answer(value):
    sys.stdout.write("@" + json.dumps(value) + "\n")
    sys.stdout.flush()


def serve(version, training, predicting):
    """Answers requests, by a contestant of the assignment's task."""
    try:
        assignment = json.loads(sys.argv[1])
        contestant = training(assignment) if assignment["task"] == "training" else predicting(assignment)
        for line in sys.stdin:
            answer(respond(contestant, version, json.loads(line)))
    except Exception as error:  # The benchmark shows it; there is nobody else to tell.
        answer({"error": f"{type(error).__name__}: {error}"})
        sys.exit(1)
