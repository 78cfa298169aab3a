"""Makes pytorch-cross-entropy.json: losses and gradients of PyTorch in double precision. Debian: python3-torch.

python3 test/backend/kernels/pytorch-cross-entropy.py > test/backend/kernels/pytorch-cross-entropy.json
"""
import json

import torch
from torch.nn import functional

torch.manual_seed(11)
ROWS, CLASSES = 5, 4


def float32(tensor):
    return tensor.to(torch.float32).to(torch.float64)


logits = float32(torch.randn(ROWS, CLASSES, dtype=torch.float64) * 2)
weights = float32(torch.rand(CLASSES, dtype=torch.float64) + 0.25)
soft = float32(torch.softmax(torch.randn(ROWS, CLASSES, dtype=torch.float64), 1))
hard = functional.one_hot(torch.tensor([2, 0, 3, 1, 2]), CLASSES).double()
teacher = float32(torch.softmax(torch.randn(ROWS, CLASSES, dtype=torch.float64) * 3, 1))


def focal(z, labels, gamma):
    """Lin et al. 2017, as Keras' CategoricalFocalCrossentropy without alpha; PyTorch has none of its own."""
    logp = torch.log_softmax(z, 1)
    return -(labels * weights * (1 - logp.exp()) ** gamma * logp).sum(1)


def distilled(z, labels, temperature, share):
    """Hinton et al. 2015 by kl_div, as PyTorch's tutorial has it; the teacher's logits are the logarithms of its probabilities."""
    student = torch.log_softmax(z / temperature, 1)
    target = torch.softmax(teacher.log() / temperature, 1)
    kl = functional.kl_div(student, target, reduction="none").sum(1) * temperature**2
    return (1 - share) * functional.cross_entropy(z, labels, reduction="none") + share * kl


cases = {
    "soft targets": ({}, soft, lambda z, y: functional.cross_entropy(z, y, reduction="none")),
    "class weights": (
        {"classWeights": weights.tolist()},
        hard,
        lambda z, y: functional.cross_entropy(z, y, weight=weights, reduction="none"),
    ),
    "class weights, soft and smoothed targets": (
        {"classWeights": weights.tolist(), "labelSmoothing": 0.25},
        soft,
        lambda z, y: functional.cross_entropy(z, y, weight=weights, label_smoothing=0.25, reduction="none"),
    ),
    "focal, gamma 2, class weights": (
        {"classWeights": weights.tolist(), "focalGamma": 2},
        hard,
        lambda z, y: focal(z, y, 2),
    ),
    "focal, gamma 0.5, class weights, soft targets": (
        {"classWeights": weights.tolist(), "focalGamma": 0.5},
        soft,
        lambda z, y: focal(z, y, 0.5),
    ),
    "teacher, temperature 4": (
        {"distillation": {"temperature": 4, "share": 0.75}},
        hard,
        lambda z, y: distilled(z, y, 4, 0.75),
    ),
    "teacher alone, temperature 1": (
        {"distillation": {"temperature": 1, "share": 1}},
        hard,
        lambda z, y: distilled(z, y, 1, 1),
    ),
}

found = {}
for name, (options, labels, loss) in cases.items():
    z = logits.clone().requires_grad_()
    losses = loss(z, labels)
    losses.mean().backward()
    found[name] = {
        "options": options,
        "labels": labels.tolist(),
        "losses": losses.tolist(),
        "gradient": z.grad.flatten().tolist(),
    }
print(json.dumps({"torch": torch.__version__, "logits": logits.tolist(), "teacher": teacher.tolist(), "cases": found}, indent=1))
