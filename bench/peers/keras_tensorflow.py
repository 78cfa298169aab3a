"""The contestant Keras, on TensorFlow: the same protocol as serve.ts, the same graph, the same weights.

Not a port of ours: layers and loop are what Keras' own examples do, at the settings of the assignment.
Invariant: a call of inference begins and ends with floats in the memory of NumPy, an update with uint8 images and a loss read.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402  The backend is chosen before.
import numpy  # noqa: E402
import tensorflow  # noqa: E402
from contestant import inference_round, numbers_of, serve, training_round  # noqa: E402


def weight_of(graph, values, name):
    """One weight, in the layout that Keras and the graph share."""
    place = graph["weights"][name]
    size = int(numpy.prod(place["shape"]))
    return values[place["offset"] : place["offset"] + size].reshape(place["shape"])


def layer_of(node, graph, weight):
    """A layer, and the weights to set once it is built."""
    op = node["op"]
    if op in ("convolution", "dense"):
        has_bias = "bias" in node
        kernel = weight(node["kernel"])
        weights = [kernel, *([weight(node["bias"])] if has_bias else [])]
        if op == "dense":
            return keras.layers.Dense(kernel.shape[1], use_bias=has_bias), weights
        layer = keras.layers.Conv2D(
            kernel.shape[3],
            kernel.shape[:2],
            strides=tuple(node["strides"]),
            padding=node["padding"],
            use_bias=has_bias,
        )
        return layer, weights
    if op == "batchNormalization":
        layer = keras.layers.BatchNormalization(
            epsilon=node["epsilon"], momentum=node["momentum"], scale="gamma" in node, center="beta" in node
        )
        return layer, [weight(node[name]) for name in ("gamma", "beta", "mean", "variance") if name in node]
    if op in ("maxPool", "averagePool"):
        make = keras.layers.MaxPooling2D if op == "maxPool" else keras.layers.AveragePooling2D
        return make(tuple(node["size"]), strides=tuple(node["strides"]), padding=node["padding"]), []
    if op == "activation" and node["function"] == "relu":
        return keras.layers.Activation("relu"), []
    if op == "dropout":
        return keras.layers.Dropout(node["rate"]), []
    if op == "zeroPadding":
        return keras.layers.ZeroPadding2D((tuple(node["rows"]), tuple(node["columns"]))), []
    makers = {
        "flatten": keras.layers.Flatten,
        "globalAveragePool": keras.layers.GlobalAveragePooling2D,
        "globalMaxPool": keras.layers.GlobalMaxPooling2D,
        "add": keras.layers.Add,
        "concatenate": keras.layers.Concatenate,
    }
    if op not in makers:
        raise ValueError(f"operation {op} is not written")
    return makers[op](), []


def network_of(graph, values, with_softmax):
    """The graph as a functional model; without the softmax it gives logits."""
    last = graph["nodes"][-1]
    if last["op"] != "activation" or last["function"] != "softmax":
        raise ValueError(f"expected a softmax at the end, got {last['op']}")
    tensors = {graph["input"]: keras.Input(tuple(graph["inputShape"]))}
    pending = []
    for node in graph["nodes"][:-1]:
        layer, weights = layer_of(node, graph, lambda name: weight_of(graph, values, name))
        inputs = [tensors[name] for name in node["inputs"]]
        tensors[node["output"]] = layer(inputs if len(inputs) > 1 else inputs[0])
        pending.append((layer, weights))
    output = tensors[last["inputs"][0]]
    if with_softmax:
        output = keras.layers.Activation("softmax")(output)
    model = keras.Model(tensors[graph["input"]], output)
    for layer, weights in pending:
        if weights:
            layer.set_weights(weights)
    return model


def load(assignment):
    """Network and description of a workload, at the settings of the assignment."""
    folder, threads = assignment["workload"], int(assignment["settings"]["threads"])
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(1)
    with open(f"{folder}/workload.json", encoding="utf-8") as file:
        workload = json.load(file)
    is_training = assignment["task"] == "training"
    values = numbers_of(folder, "initial.f32" if is_training else "trained.f32", numpy.float32)
    return network_of(workload["graph"], values, with_softmax=not is_training), workload


class Predicting:
    """Inference: floats of NumPy to floats of NumPy."""

    def __init__(self, assignment):
        self.model, workload = load(assignment)
        self.batch = min(assignment["batchSize"], workload["testCount"])
        shape = (workload["testCount"], workload["height"], workload["width"], workload["channels"])
        images = numbers_of(assignment["workload"], "test-images.u8", numpy.uint8).reshape(shape)
        self.images = (images / numpy.float32(255)).astype(numpy.float32)
        model = self.model
        # What predict_on_batch does, without what it does around it.
        self.call = tensorflow.function(
            lambda x: model(x, training=False), jit_compile=bool(assignment["settings"]["compiled"])
        )

    def predict(self, images):
        return self.call(tensorflow.constant(images)).numpy()

    def round(self, milliseconds):
        return inference_round(self, milliseconds)


class Training:
    """Shuffled batches of uint8 images, Adam with Keras' defaults, the loss read each step."""

    def __init__(self, assignment):
        self.model, workload = load(assignment)
        self.batch = assignment["batchSize"]
        shape = (workload["trainCount"], workload["height"], workload["width"], workload["channels"])
        folder = assignment["workload"]
        self.images = numbers_of(folder, "train-images.u8", numpy.uint8).reshape(shape)
        self.labels = numbers_of(folder, "train-labels.u8", numpy.uint8).astype(numpy.int64)
        self.model.compile(
            optimizer=keras.optimizers.Adam(1e-3),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=bool(assignment["settings"]["compiled"]),
        )
        self.random = numpy.random.default_rng(1)
        self.order = self.random.permutation(len(self.images))
        self.at = 0

    def step(self):
        if self.at + self.batch > len(self.images):
            self.order, self.at = self.random.permutation(len(self.images)), 0
        indices = self.order[self.at : self.at + self.batch]
        self.at += self.batch
        x = self.images[indices].astype(numpy.float32) / numpy.float32(255)
        # Else the loss is the mean since the beginning.
        self.model.reset_metrics()
        return float(self.model.train_on_batch(x, self.labels[indices]))

    def round(self, milliseconds):
        return training_round(self, milliseconds)


if __name__ == "__main__":
    serve(f"{keras.__version__} on TensorFlow {tensorflow.__version__}, Python {sys.version.split()[0]}", Training, Predicting)
