"""The contestant PyTorch: the same protocol as serve.ts, the same graph, the same weights.

Not a port of ours: modules and loop are what PyTorch's own examples do, at the settings of the assignment.
Invariant: a call of inference begins and ends with floats in the memory of NumPy, an update with uint8 images and a loss read.
"""

import json
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

from contestant import inference_round, numbers_of, serve, training_round

# PyTorch 2 was at its best without.
if hasattr(torch.backends, "nnpack"):
    torch.backends.nnpack.set_flags(False)


def same_padding(size, stride, kernel):
    """What TensorFlow's 'same' adds before and after; the odd one goes behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Window(nn.Module):
    """A sliding operation behind the padding that it needs: none, its own where both ends are alike, or a layer before."""

    def __init__(self, make, node, kernel, in_shape, fill):
        super().__init__()
        rows, columns = (0, 0), (0, 0)
        if node["padding"] == "same":
            rows, columns = (same_padding(in_shape[i], node["strides"][i], kernel[i]) for i in (0, 1))
        alike = rows[0] == rows[1] and columns[0] == columns[1]
        self.before = None if alike else (*columns, *rows)
        self.fill = fill
        self.operation = make((rows[0], columns[0]) if alike else (0, 0))

    def forward(self, x):
        if self.before is not None:
            x = functional.pad(x, self.before, value=self.fill)
        return self.operation(x)


class Flatten(nn.Module):
    """Flattens in the order of channels last, as the dense weights expect it: in that memory format it copies nothing."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Network(nn.Module):
    """The nodes of a graph, but the softmax that ends it: `forward` gives logits."""

    def __init__(self, graph, values):
        super().__init__()
        self.graph, self.values = graph, values
        self.shapes = {graph["input"]: graph["inputShape"]}
        self.steps = []
        self.operations = nn.ModuleList()
        for node in graph["nodes"][:-1]:
            self.operations.append(self.operation_of(node))
            self.steps.append((node["op"], node["inputs"], node["output"]))
            self.shapes[node["output"]] = node["shape"]
        last = graph["nodes"][-1]
        if last["op"] != "activation" or last["function"] != "softmax":
            raise ValueError(f"expected a softmax at the end, got {last['op']}")
        self.logits = last["inputs"][0]

    def weight(self, name):
        place = self.graph["weights"][name]
        size = int(numpy.prod(place["shape"]))
        values = self.values[place["offset"] : place["offset"] + size].reshape(place["shape"])
        return torch.from_numpy(values.copy())

    def operation_of(self, node):
        op = node["op"]
        in_shape = self.shapes[node["inputs"][0]]
        if op == "convolution":
            kernel = self.weight(node["kernel"]).permute(3, 2, 0, 1).contiguous()

            def make(padding):
                layer = nn.Conv2d(
                    kernel.shape[1],
                    kernel.shape[0],
                    tuple(kernel.shape[2:]),
                    stride=tuple(node["strides"]),
                    padding=padding,
                    bias="bias" in node,
                )
                self.set(layer, weight=kernel, bias=self.weight(node["bias"]) if "bias" in node else None)
                return layer

            return Window(make, node, kernel.shape[2:], in_shape, 0.0)
        if op == "dense":
            kernel = self.weight(node["kernel"]).t().contiguous()
            layer = nn.Linear(kernel.shape[1], kernel.shape[0], bias="bias" in node)
            self.set(layer, weight=kernel, bias=self.weight(node["bias"]) if "bias" in node else None)
            return layer
        if op == "batchNormalization":
            # PyTorch's momentum is the share of the new average.
            layer = nn.BatchNorm2d(in_shape[-1], eps=node["epsilon"], momentum=1 - node["momentum"])
            self.set(
                layer,
                weight=self.weight(node["gamma"]) if "gamma" in node else None,
                bias=self.weight(node["beta"]) if "beta" in node else None,
                running_mean=self.weight(node["mean"]),
                running_var=self.weight(node["variance"]),
            )
            return layer
        if op == "maxPool":
            size, strides = tuple(node["size"]), tuple(node["strides"])
            return Window(lambda padding: nn.MaxPool2d(size, strides, padding), node, size, in_shape, -numpy.inf)
        if op == "averagePool":
            size, strides = tuple(node["size"]), tuple(node["strides"])

            def make_average(padding):
                return nn.AvgPool2d(size, strides, padding, count_include_pad=False)

            window = Window(make_average, node, size, in_shape, 0.0)
            if window.before is not None:
                raise ValueError("an average over uneven padding is not written")
            return window
        if op == "activation" and node["function"] == "relu":
            return nn.ReLU()
        if op == "dropout":
            return nn.Dropout(node["rate"])
        if op == "flatten":
            return Flatten() if len(in_shape) == 3 else nn.Flatten()
        if op == "zeroPadding":
            return nn.ZeroPad2d((*node["columns"], *node["rows"]))
        if op in ("add", "concatenate", "globalAveragePool", "globalMaxPool"):
            return nn.Identity()
        raise ValueError(f"operation {op} is not written")

    @staticmethod
    def set(layer, **values):
        with torch.no_grad():
            for name, value in values.items():
                if value is not None:
                    getattr(layer, name).copy_(value)

    def forward(self, x):
        values = {self.graph["input"]: x}
        for (op, inputs, output), operation in zip(self.steps, self.operations):
            if op == "add":
                value = values[inputs[0]]
                for name in inputs[1:]:
                    value = value + values[name]
            elif op == "concatenate":
                value = torch.cat([values[name] for name in inputs], 1)
            elif op == "globalAveragePool":
                value = values[inputs[0]].mean((2, 3))
            elif op == "globalMaxPool":
                value = values[inputs[0]].amax((2, 3))
            else:
                value = operation(values[inputs[0]])
            values[output] = value
        return values[self.logits]


class Probabilities(nn.Module):
    """Logits to probabilities, for inference."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return torch.softmax(self.network(x), 1)


def load(assignment):
    """Network and description of a workload, at the settings of the assignment."""
    folder, settings = assignment["workload"], assignment["settings"]
    with open(f"{folder}/workload.json", encoding="utf-8") as file:
        workload = json.load(file)
    torch.manual_seed(1)
    torch.set_num_threads(int(settings["threads"]))
    weights = "initial.f32" if assignment["task"] == "training" else "trained.f32"
    network = Network(workload["graph"], numbers_of(folder, weights, numpy.float32))
    if settings["channelsLast"]:
        network = network.to(memory_format=torch.channels_last)
    return network, workload


class Predicting:
    """Inference: floats of NumPy to floats of NumPy."""

    def __init__(self, assignment):
        network, workload = load(assignment)
        self.batch = min(assignment["batchSize"], workload["testCount"])
        self.channels_last = assignment["settings"]["channelsLast"]
        shape = (workload["testCount"], workload["height"], workload["width"], workload["channels"])
        images = numbers_of(assignment["workload"], "test-images.u8", numpy.uint8).reshape(shape)
        self.images = (images / numpy.float32(255)).astype(numpy.float32)
        self.model = Probabilities(network).eval()
        if assignment["settings"]["frozen"]:
            example = self.input_of(self.images[: self.batch])
            self.model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(self.model, example)))

    def input_of(self, images):
        # A view with the channels in front: its memory is channels last already.
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        return x if self.channels_last else x.contiguous()

    def predict(self, images):
        with torch.inference_mode():
            return self.model(self.input_of(images)).numpy()

    def round(self, milliseconds):
        return inference_round(self, milliseconds)


class Training:
    """Shuffled batches of uint8 images, Adam with Keras' defaults, the loss read each step."""

    def __init__(self, assignment):
        self.network, workload = load(assignment)
        self.batch = assignment["batchSize"]
        self.memory_format = torch.channels_last if assignment["settings"]["channelsLast"] else torch.contiguous_format
        shape = (workload["trainCount"], workload["height"], workload["width"], workload["channels"])
        folder = assignment["workload"]
        self.images = torch.from_numpy(numbers_of(folder, "train-images.u8", numpy.uint8).reshape(shape))
        self.labels = torch.from_numpy(numbers_of(folder, "train-labels.u8", numpy.uint8).astype(numpy.int64))
        self.network.train()
        foreach = bool(assignment["settings"]["foreach"])
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, eps=1e-7, foreach=foreach)
        self.order = torch.randperm(len(self.images))
        self.at = 0

    def step(self):
        if self.at + self.batch > len(self.images):
            self.order, self.at = torch.randperm(len(self.images)), 0
        indices = self.order[self.at : self.at + self.batch]
        self.at += self.batch
        x = self.images[indices].permute(0, 3, 1, 2).to(torch.float32, memory_format=self.memory_format).div_(255)
        loss = functional.cross_entropy(self.network(x), self.labels[indices])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def round(self, milliseconds):
        return training_round(self, milliseconds)


if __name__ == "__main__":
    serve(f"{torch.__version__} on Python {sys.version.split()[0]}", Training, Predicting)
