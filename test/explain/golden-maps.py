"""Grad-CAM, saliency, integrated gradients and occlusion of one small network in PyTorch, as data for methods.test.ts.

  python3 test/explain/golden-maps.py > test/explain/golden-maps.json && npx biome format --write test/explain

Weights and images are exact in few digits, so that both sides compute with the same numbers; all in double precision.
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def short(*shape, scale=1.0):
    """Multiples of 1/64."""
    return torch.round(torch.randn(*shape) * scale * 64) / 64


SIDE, CLASSES = 9, 3
conv1, bias1 = short(4, 1, 3, 3, scale=0.5), short(4, scale=0.2)
conv2, bias2 = short(5, 4, 3, 3, scale=0.3), short(5, scale=0.2)
dense, bias3 = short(CLASSES, 5 * 5 * 5, scale=0.2), short(CLASSES, scale=0.2)
images = torch.round(torch.rand(3, 1, SIDE, SIDE) * 64) / 64
labels = [2, 0, 1]


def features_of(x):
    return F.relu(F.conv2d(F.relu(F.conv2d(x, conv1, bias1)), conv2, bias2))


def scores_of(features):
    # Flattened as channels last.
    return features.permute(0, 2, 3, 1).reshape(len(features), -1) @ dense.T + bias3


def grad_cam(x, label):
    features = features_of(x).detach().requires_grad_()
    scores_of(features)[0, label].backward()
    weights = features.grad.mean(dim=(2, 3), keepdim=True)
    cam = F.relu((weights * features).sum(1, keepdim=True)).detach()
    return cam[0, 0], F.interpolate(cam, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]


def slope(x, label):
    x = x.detach().requires_grad_()
    scores_of(features_of(x))[:, label].sum().backward()
    return x.grad


def integrated(x, label, steps=64):
    path = torch.cat([x * ((i + 0.5) / steps) for i in range(steps)])
    return (x * slope(path, label).mean(0, keepdim=True))[0, 0]


def occlusion(x, label, window=3):
    falls, counts = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    whole = scores_of(features_of(x))[0, label]
    for top in range(SIDE - window + 1):
        for left in range(SIDE - window + 1):
            covered = x.clone()
            covered[..., top : top + window, left : left + window] = 0
            fall = whole - scores_of(features_of(covered))[0, label]
            falls[top : top + window, left : left + window] += fall
            counts[top : top + window, left : left + window] += 1
    return falls / counts


def plain(tensor):
    return [round(value, 9) for value in tensor.flatten().tolist()]


print(
    json.dumps(
        {
            "pytorch": torch.__version__,
            "side": SIDE,
            # [height, width, in, out] and [in, out], as tfjs has them.
            "weights": [
                plain(conv1.permute(2, 3, 1, 0)),
                plain(bias1),
                plain(conv2.permute(2, 3, 1, 0)),
                plain(bias2),
                plain(dense.T),
                plain(bias3),
            ],
            "images": plain(images),
            "labels": labels,
            "scores": plain(scores_of(features_of(images))),
            "maps": [
                {
                    "activations": plain(grad_cam(image, label)[0]),
                    "grad-cam": plain(grad_cam(image, label)[1]),
                    "saliency": plain(slope(image, label).abs()),
                    "integrated-gradients": plain(integrated(image, label)),
                    "occlusion": plain(occlusion(image, label)),
                }
                for image, label in zip(images.split(1), labels)
            ],
        }
    )
)
