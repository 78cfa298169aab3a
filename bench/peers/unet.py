"""The U-Net of ../unet-model.ts in PyTorch: unet.py BATCH THREADS LAST SECONDS prints JSON, images/s of training with Adam.

Not a port of ours: modules and loop as PyTorch's examples have them. LAST: 1 for channels last.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, CONDITION, TIME, CLASSES = 32, 64, 16, 10


class Block(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, inputs), nn.GroupNorm(8, filters)
        self.conv1, self.conv2 = nn.Conv2d(inputs, filters, 3, padding=1), nn.Conv2d(filters, filters, 3, padding=1)
        self.scale, self.shift = nn.Linear(CONDITION, filters), nn.Linear(CONDITION, filters)
        self.past = nn.Identity() if inputs == filters else nn.Conv2d(inputs, filters, 1)

    def forward(self, x, condition):
        y = self.norm2(self.conv1(F.silu(self.norm1(x))))
        y = y * self.scale(condition)[:, :, None, None] + self.shift(condition)[:, :, None, None]
        return self.past(x) + self.conv2(F.silu(y))


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        self.table = nn.Embedding(CLASSES, w)
        self.condition = nn.Linear(w + TIME, CONDITION)
        self.enter = nn.Conv2d(1, w, 3, padding=1)
        self.high, self.middle, self.low = Block(w, w), Block(2 * w, 2 * w), Block(2 * w, 2 * w)
        self.down1, self.down2 = nn.Conv2d(w, 2 * w, 3, 2, 1), nn.Conv2d(2 * w, 2 * w, 3, 2, 1)
        self.up1, self.up2 = nn.Conv2d(2 * w, 2 * w, 3, padding=1), nn.Conv2d(2 * w, w, 3, padding=1)
        self.back, self.whole = Block(4 * w, 2 * w), Block(2 * w, w)
        self.norm, self.leave = nn.GroupNorm(8, w), nn.Conv2d(w, 1, 3, padding=1)

    def forward(self, x, label, moment):
        c = F.silu(self.condition(torch.cat([self.table(label), moment], 1)))
        high = self.high(self.enter(x), c)
        middle = self.middle(self.down1(high), c)
        low = self.low(self.down2(middle), c)
        back = self.back(torch.cat([self.up1(F.interpolate(low, scale_factor=2)), middle], 1), c)
        whole = self.whole(torch.cat([self.up2(F.interpolate(back, scale_factor=2)), high], 1), c)
        return self.leave(F.silu(self.norm(whole)))


def main():
    batch, threads, last, seconds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1", float(sys.argv[4])
    torch.set_num_threads(threads)
    if hasattr(torch.backends, "nnpack"):
        torch.backends.nnpack.set_flags(False)
    torch.manual_seed(1)
    memory = torch.channels_last if last else torch.contiguous_format
    model = Unet().to(memory_format=memory)
    optimizer = torch.optim.Adam(model.parameters())
    x, y = (torch.randn(batch, 1, 28, 28).to(memory_format=memory) for _ in range(2))
    label, moment = torch.randint(0, CLASSES, (batch,)), torch.randn(batch, TIME)

    def update():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x, label, moment), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    first = [update() for _ in range(2)][0]
    start, updates = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        final = update()
        updates += 1
    rate = batch * updates / (time.perf_counter() - start)
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({"imagesPerSecond": rate, "parameters": parameters, "first": first, "last": final, "torch": torch.__version__}))


main()
