"""Models that PyTorch exports to ONNX, with images and what PyTorch computes of them: torch-peer.py FOLDER OPSET.

Writes NAME.onnx, NAME-images.bin and NAME-outputs.bin (float32) for each, and models.json with their shapes.
"""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.down = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.down(x))


class ResNet(nn.Module):
    """As torchvision's: a max pooling of padding 1 behind a relu, global average pooling, flatten."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Residual(8, 12, 1), Residual(12, 16, 2))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.blocks(self.pool(F.relu(self.bn(self.conv(x)))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Tutorial(nn.Module):
    """As the first networks of tutorials: view by the size of the batch, dropout, logarithms of probabilities."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 10, 5)
        self.fc1 = nn.Linear(10 * 4 * 4, 24)
        self.fc2 = nn.Linear(24, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(F.dropout(self.conv2(x), training=self.training), 2))
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


class Mobile(nn.Module):
    """Depthwise convolutions, ReLU6, squeeze and excitation by 1 x 1 convolutions, standardisation inside."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.48, 0.45, 0.4]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.22, 0.23, 0.25]).view(1, 3, 1, 1))
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 16, 3, 1, 1, groups=8), nn.BatchNorm2d(16), nn.ReLU6())
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Sigmoid())
        self.head = nn.Sequential(nn.Conv2d(16, 12, 1), nn.LeakyReLU(0.1))
        self.fc = nn.Sequential(nn.Dropout(0.2), nn.Linear(12, 4))

    def forward(self, x):
        x = self.depthwise(self.stem((x - self.mean) / self.std))
        x = self.head(x * self.squeeze(x))
        return torch.softmax(self.fc(x.mean([2, 3])), 1)


class Excited(nn.Module):
    """Squeeze and excitation by dense layers, as first published code has it: view, expand_as."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.fc = nn.Sequential(nn.Linear(8, 3, bias=False), nn.ReLU(), nn.Linear(3, 8, bias=False), nn.Sigmoid())
        self.out = nn.Linear(8 * 6 * 6, 3)

    def forward(self, x):
        x = F.elu(self.conv(x))
        b, c, _, _ = x.size()
        y = self.fc(F.adaptive_avg_pool2d(x, 1).view(b, c)).view(b, c, 1, 1)
        x = F.avg_pool2d(x * y.expand_as(x), 2)
        return self.out(x.reshape(x.shape[0], -1))


class Branches(nn.Module):
    """Concatenation, average pooling that counts its padding, ceil mode, zero padding, batch norm of a flattened image."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 4, 1)
        self.b = nn.Conv2d(2, 5, (3, 5), padding=(1, 2), dilation=1)
        self.c = nn.Conv2d(2, 3, 3, padding=2, dilation=2)
        self.bn = nn.BatchNorm1d(14 * 6 * 5)
        self.fc = nn.Linear(14 * 6 * 5, 6)

    def forward(self, x):
        pooled = F.avg_pool2d(x, 3, 1, 1)
        y = torch.tanh(torch.cat([self.a(x), self.b(x), self.c(x), pooled], 1))
        y = F.pad(F.max_pool2d(F.relu(y), 2, ceil_mode=True), (0, 1, 1, 0))
        return self.fc(self.bn(y.flatten(1)))


class AllConvolutions(nn.Module):
    """As SqueezeNet: classes are maps, averaged; no dense layer."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(0.5), nn.Conv2d(6, 7, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x):
        return torch.flatten(self.net(x), 1)


MODELS = {
    "resnet": (ResNet, (3, 33, 40)),
    "tutorial": (Tutorial, (1, 28, 28)),
    "mobile": (Mobile, (3, 17, 16)),
    "excited": (Excited, (1, 12, 12)),
    "branches": (Branches, (2, 9, 8)),
    "convolutions": (AllConvolutions, (1, 28, 28)),
}

folder, opset = sys.argv[1], int(sys.argv[2])
described = {}
for name, (make, shape) in MODELS.items():
    for batch in ("open", "one"):
        torch.manual_seed(3)
        model = make()
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                nn.init.normal_(module.running_mean, 0, 0.3)
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.normal_(module.weight, 1, 0.3)
                nn.init.normal_(module.bias, 0, 0.3)
        model.eval()
        images = torch.rand(1, *shape)
        axes = {"images": {0: "batch"}, "scores": {0: "batch"}} if batch == "open" else None
        full = f"{name}-{batch}-{opset}"
        path = os.path.join(folder, full)
        torch.onnx.export(
            model, images, path + ".onnx", opset_version=opset, input_names=["images"], output_names=["scores"], dynamic_axes=axes
        )
        images = torch.rand(2, *shape)
        with torch.no_grad():
            outputs = model(images)
        images.numpy().astype("<f4").tofile(path + "-images.bin")
        outputs.numpy().astype("<f4").tofile(path + "-outputs.bin")
        described[full] = {"shape": shape, "classes": outputs.shape[1]}
with open(os.path.join(folder, f"models-{opset}.json"), "w") as file:
    json.dump(described, file)
