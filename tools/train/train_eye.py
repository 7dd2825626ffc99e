"""train_eye.py OUT - the eye of the checker in tests/facts: a small convolutional network that says what stands where.

It sees a picture shrunk to 96 x 96 and answers for six slots {sky, ground} x {left, middle, right}: which kind of
thing (or none), its colour, its size; and for the whole: time, weather, season, terrain. It learns from drawn truth
alone, blurred and noised so that it does not live on crisp edges, and never sees a prompt or a painted picture.
tests/facts/eye.c is the same network in C; the file eye.bin is written here, its normalisation folded in.
"""

import argparse
import os
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F

import common
import scenes

CHANNELS = [(3, 32, 2), (32, 64, 2), (64, 96, 2), (96, 128, 1), (128, 128, 2)]  # in, out, stride; 96 -> 48 24 12 12 6
HIDDEN = 160
SKY, GROUND = ["none"] + scenes.SKY_KINDS, ["none"] + scenes.GROUND_KINDS
COLOURS, N_SIZES = scenes.COLOUR_NAMES, 2
SLOT = [len(SKY), len(COLOURS), N_SIZES, len(GROUND), len(COLOURS), N_SIZES]
TERRAINS = scenes.TERRAINS + ["none"]
WHOLE = [len(scenes.TIMES), len(scenes.WEATHERS), len(scenes.SEASONS), len(TERRAINS)]
IGNORE = -100


class Eye(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, s, 1, bias=False) for i, o, s in CHANNELS)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _ in CHANNELS)
        self.column = nn.Linear(2 * 6 * CHANNELS[-1][1], HIDDEN)
        self.slot = nn.Linear(HIDDEN, sum(SLOT))
        self.whole = nn.Linear(3 * HIDDEN, sum(WHOLE))

    def forward(self, x):
        """x [n][3][96][96] in [-1,1] -> slots [n][3][sum SLOT], whole [n][sum WHOLE]."""
        for conv, norm in zip(self.convs, self.norms):
            x = F.relu(norm(conv(x)))
        n, c = x.shape[:2]
        x = x.view(n, c, 6, 3, 2).permute(0, 3, 1, 2, 4).reshape(n, 3, c * 12)  # column; channel, row, half
        h = F.relu(self.column(x))
        return self.slot(h), self.whole(h.reshape(n, 3 * HIDDEN))


def shrink(u8):
    """Area average to 96 x 96, in [-1,1]; eye.c has the same bins."""
    return common.to_model(F.adaptive_avg_pool2d(u8.float(), 96))


def labels(rows):
    slots = torch.full((len(rows), 3, 6), IGNORE, dtype=torch.int64)
    slots[:, :, 0] = slots[:, :, 3] = 0
    whole = torch.full((len(rows), 4), IGNORE, dtype=torch.int64)
    for i, s in enumerate(rows):
        for o in s["objects"]:
            base, names = (0, SKY) if o["layer"] == "sky" else (3, GROUND)
            p = scenes.PLACES.index(o["place"])
            slots[i, p, base] = names.index(o["kind"])
            if o["colour"]:
                slots[i, p, base + 1] = COLOURS.index(o["colour"])
            if s["kind"] == "scene":
                slots[i, p, base + 2] = scenes.SIZES.index(o["size"])
        whole[i, 3] = TERRAINS.index(s["terrain"] or "none")
        if s["kind"] == "scene":
            whole[i, 0], whole[i, 1] = scenes.TIMES.index(s["time"]), scenes.WEATHERS.index(s["weather"])
            if s["terrain"] in scenes.SEASONAL:
                whole[i, 2] = scenes.SEASONS.index(s["season"])
    return slots, whole


def spoil(x):
    """Softens, noises and shifts brightness, each picture by its own amount."""
    n = len(x)
    k = torch.rand(n, 1, 1, 1, device=x.device)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = x + k * (torch.rand(n, 1, 1, 1, device=x.device) < 0.6) * (soft - x)
    x = x + 0.08 * torch.rand(n, 1, 1, 1, device=x.device) * torch.randn_like(x)
    return x * (1 + 0.06 * torch.randn(n, 1, 1, 1, device=x.device)) + 0.04 * torch.randn(n, 3, 1, 1, device=x.device)


def split_loss(out, want, parts):
    at, loss = 0, 0.0
    for i, n in enumerate(parts):
        loss = loss + F.cross_entropy(out[..., at:at + n].reshape(-1, n).float(), want[..., i].reshape(-1), ignore_index=IGNORE)
        at += n
    return loss


def shrink_all(u8):
    return torch.cat([(shrink(u8[i:i + 1000]) * 127.5 + 127.5).round().to(torch.uint8) for i in range(0, len(u8), 1000)])


def write(eye, path):
    """eye.bin: "EYE1", then f16 little-endian: each convolution's weight [out][in][3][3] and bias, then column, slot, whole."""
    out = [b"EYE1"]

    def put(*tensors):
        for t in tensors:
            v = t.detach().float().flatten().half().cpu().numpy()
            out.append(struct.pack("<%de" % len(v), *v.tolist()))
    for conv, norm in zip(eye.convs, eye.norms):
        k = norm.weight / (norm.running_var + norm.eps).sqrt()
        put(conv.weight * k.view(-1, 1, 1, 1), norm.bias - norm.running_mean * k)
    for m in (eye.column, eye.slot, eye.whole):
        put(m.weight, m.bias)
    with open(path, "wb") as f:
        f.write(b"".join(out))


@torch.no_grad()
def judge(eye, rows, size, args, log):
    eye.eval()
    slots, whole = labels(rows)
    right, n = [0] * 10, [0] * 10
    for i in range(0, len(rows), 500):
        a, b = eye(shrink(common.render(rows[i:i + 500], size, args.device)))
        for out, want, parts, base in ((a, slots[i:i + 500], SLOT, 0), (b, whole[i:i + 500], WHOLE, 6)):
            at = 0
            for k, width in enumerate(parts):
                w = want[..., k].to(args.device)
                known = w != IGNORE
                if k in (0, 3) and base == 0:
                    known = w > 0
                right[base + k] += int((out[..., at:at + width].argmax(-1) == w)[known].sum())
                n[base + k] += int(known.sum())
                at += width
    names = ["sky", "sky_colour", "sky_size", "ground", "ground_colour", "ground_size", "time", "weather", "season", "terrain"]
    log(stage="eye-judge", size=size, **{k: round(r / max(1, m), 4) for k, r, m in zip(names, right, n)})
    eye.train()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--pool", type=int, default=120000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = common.arguments(parser)
    log = common.Log(os.path.join(args.out, "eye.log.jsonl"))
    rows = [r[0] for r in common.make_rows(args.seed, 500000, args.pool, 1, args.workers)]
    n = args.pool // common.CHUNK * 2 // 3 * common.CHUNK
    pools = []
    for size, first, count in ((128, 0, n), (192, n, args.pool - n)):
        if count:
            pools.append(shrink_all(common.render_streams(args.seed, 500000 + first // common.CHUNK, count, size, args)))
    pictures = torch.cat(pools)[torch.tensor([i for i, s in enumerate(rows) if s["kind"] != "shape"], device=args.device)]
    rows = [s for s in rows if s["kind"] != "shape"]
    slots, whole = (t.to(args.device) for t in labels(rows))
    log(stage="eye", drawn=len(rows))
    eye = Eye().to(args.device)
    log(stage="eye", parameters=sum(p.numel() for p in eye.parameters()))
    average = common.Average(dict(eye=eye))
    opt, lr = common.adam(average.live, args.device, 0.02)

    def step():
        opt.zero_grad(set_to_none=True)
        i = torch.randint(len(pictures), (args.batch,), device=args.device)
        x = spoil(common.to_model(pictures[i]))
        with torch.autocast(args.device.type, torch.bfloat16):
            a, b = eye(x)
        loss = split_loss(a, slots[i], SLOT) + split_loss(b, whole[i], WHOLE)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(average.live, 5.0)
        opt.step()
        return dict(loss=loss.detach())
    run = common.Step(step, args.device)
    fresh = [r[0] for r in common.make_rows(args.seed, 900000, 8000 if args.device.type == "cuda" else 300, 1, 1)]
    fresh = [s for s in fresh if s["kind"] != "shape"]

    def save(i, spent_s):
        eye.eval()
        write(eye, os.path.join(args.out, "eye.bin"))
        eye.train()
    common.train("eye", args, lr, args.lr, lambda i: run, log, average, 0.0, save, every=1000)
    for size in (128, 192):
        judge(eye, fresh, size, args, log)


if __name__ == "__main__":
    main()
