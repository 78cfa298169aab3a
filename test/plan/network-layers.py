# Values of the layers and losses that plans of any network know, by PyTorch, for network-layers.test.ts: python3 network-layers.py
import json
import torch
import torch.nn.functional as F

torch.manual_seed(5)
BATCH, SIDE, CHANNELS = 2, 4, 6


def rounded(tensor):
    return [round(value, 6) for value in tensor.detach().double().flatten().tolist()]


def last(tensor):
    """Channels last, as selvedge has them."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def draw(*shape):
    return (torch.randn(*shape, dtype=torch.float64) * 1.5).round(decimals=4).requires_grad_()


cases = {}


def layer(name, function, weights):
    """`function` of an image and weights; the slope of its outputs is drawn, too."""
    x = draw(BATCH, CHANNELS, SIDE, SIDE)
    y = function(x, *weights.values())
    slope = draw(*y.shape).detach()
    gradients = torch.autograd.grad((y * slope).sum(), [x, *weights.values()])
    cases[name] = {
        "x": rounded(last(x)),
        "y": rounded(last(y)),
        "slope": rounded(last(slope)),
        "dx": rounded(last(gradients[0])),
        "weights": {
            key: {"values": rounded(kernel_last(weight)), "gradient": rounded(kernel_last(gradient))}
            for (key, weight), gradient in zip(weights.items(), gradients[1:])
        },
    }


def kernel_last(weight):
    # [in, out, height, width] to [height, width, out, in], as tfjs has filters of transposed convolutions.
    return weight.permute(2, 3, 1, 0) if weight.dim() == 4 else weight


layer("silu", lambda x: F.silu(x), {})
layer("gelu", lambda x: F.gelu(x), {})
layer("geluTanh", lambda x: F.gelu(x, approximate="tanh"), {})
layer("groupNormalization", lambda x, g, b: F.group_norm(x, 3, g, b, 1e-3), {"gamma": draw(CHANNELS), "beta": draw(CHANNELS)})
layer(
    "layerNormalization",
    lambda x, g, b: F.layer_norm(x.permute(0, 2, 3, 1), [CHANNELS], g, b, 1e-3).permute(0, 3, 1, 2),
    {"gamma": draw(CHANNELS), "beta": draw(CHANNELS)},
)
layer("nearest", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), {})
layer(
    "transposedConvolution",
    lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2),
    {"kernel": draw(CHANNELS, 4, 3, 3), "bias": draw(4)},
)

losses = {}


def loss(name, outputs, targets, function):
    value = function(outputs, targets)
    (gradient,) = torch.autograd.grad(value, [outputs])
    losses[name] = {
        "outputs": rounded(last(outputs)),
        "targets": rounded(last(targets)),
        "loss": round(value.item(), 9),
        "gradient": rounded(last(gradient)),
    }


images = (BATCH, CHANNELS, SIDE, SIDE)
classes = torch.randint(0, CHANNELS, (BATCH, SIDE, SIDE))
one_hot = F.one_hot(classes, CHANNELS).permute(0, 3, 1, 2).double()
loss("softmaxCrossEntropy", draw(*images), one_hot, F.cross_entropy)
loss("sigmoidCrossEntropy", draw(*images), torch.rand(*images, dtype=torch.float64).round(decimals=4), F.binary_cross_entropy_with_logits)
loss("meanSquaredError", draw(*images), draw(*images).detach(), F.mse_loss)
loss("huber", draw(*images), draw(*images).detach(), lambda x, y: F.huber_loss(x, y, delta=0.7))

with open("network-layers.json", "w") as file:
    json.dump({"torch": torch.__version__, "layers": cases, "losses": losses}, file, separators=(",", ":"))
    file.write("\n")
