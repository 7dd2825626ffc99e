"""refine_eye.py EYE.bin OUT.bin - teaches the checker's eye a change of the generator without training it anew.

The convolutions stay; only the heads for the thirds and the whole learn, from features computed once, on fresh drawn
truth in which the changed thing is frequent (here: the sun at dawn and sunset, which moved up clear of the mountains).
Half of the pictures are the ordinary mixture, so that nothing is forgotten. Minutes on a CPU.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

import common
import draw
import scenes
import train_eye


def read(path):
    """-> an Eye in eval mode with the weights of eye.bin (normalisation folded, so its norms only add the bias)."""
    eye = train_eye.Eye().eval()
    with open(path, "rb") as f:
        assert f.read(4) == b"EYE1"
        flat = torch.from_numpy(np.frombuffer(f.read(), dtype="<f2").astype(np.float32))
    at = 0

    def take(t):
        nonlocal at
        t.data.copy_(flat[at:at + t.numel()].view_as(t))
        at += t.numel()
    for conv, norm in zip(eye.convs, eye.norms):
        take(conv.weight)
        take(norm.bias)
        norm.running_var.fill_(1 - norm.eps)
    for m in (eye.column, eye.slot, eye.whole):
        take(m.weight)
        take(m.bias)
    assert at == len(flat)
    return eye


def pick(n, seed):
    rng, rows = scenes.stream("refine", seed, 0), []
    while len(rows) < n:
        s = scenes.sample(rng)
        low = s["kind"] == "scene" and s["time"] in ("dawn", "sunset") and any(o["kind"] == "sun" for o in s["objects"])
        if s["kind"] != "shape" and (low or len(rows) % 2):
            rows.append(s)
    return rows


@torch.no_grad()
def features(eye, rows):
    out = []
    for i in range(0, len(rows), 100):
        size = 128 if i // 100 % 3 else 192
        x = train_eye.shrink((draw.draw(rows[i:i + 100], size, "cpu") * 255).round())
        x = train_eye.spoil(x) if i // 100 % 2 else x
        for conv, norm in zip(eye.convs, eye.norms):
            x = F.relu(norm(conv(x)))
        n, c = x.shape[:2]
        out.append(x.view(n, c, 6, 3, 2).permute(0, 3, 1, 2, 4).reshape(n, 3, c * 12))
    return torch.cat(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("eye")
    parser.add_argument("out")
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    eye, rows = read(args.eye), pick(args.pictures, 1)
    x, (slots, whole) = features(eye, rows), train_eye.labels(rows)
    heads = [p for m in (eye.column, eye.slot, eye.whole) for p in m.parameters()]
    opt = torch.optim.AdamW(heads, lr=2e-4, weight_decay=0.01)
    for step in range(args.steps):
        i = torch.randint(len(rows), (256,))
        h = F.relu(eye.column(x[i]))
        loss = train_eye.split_loss(eye.slot(h), slots[i], train_eye.SLOT)
        loss = loss + train_eye.split_loss(eye.whole(h.reshape(len(i), -1)), whole[i], train_eye.WHOLE)
        opt.zero_grad()
        loss.backward()
        opt.step()
        opt.param_groups[0]["lr"] = 2e-4 * (1 - step / args.steps)
        if step % 50 == 0:
            print(step, round(float(loss.detach()), 4), flush=True)
    train_eye.write(eye, args.out)


if __name__ == "__main__":
    main()
