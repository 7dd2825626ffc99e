"""heldout.py write FOLDER | draw PROMPTS.jsonl OUT [--size N]

write: the held-out prompts with their truth, FOLDER/heldout.jsonl (400) and FOLDER/short.jsonl (24), from random
streams that no trainer reads; train_unet.py also drops every caption that equals one of them.
draw: the true pictures of those prompts, by the generator itself: what the checker must get right.
"""

import argparse
import json
import os

import torch

import draw
import scenes
import words
from PIL import Image

SHARES = [("shape", 0.42), ("sky", 0.13), ("scene", 0.35), ("bare", 0.10)]


def make(n, seed):
    """-> [(id, scene, prompt, truth)]; the kinds in fixed shares, all prompts different."""
    rng, rows, said = scenes.stream("held-out", seed, 0), [], set()
    for sort, share in SHARES:
        left = round(n * share) if sort != "bare" else n - len(rows)
        while left:
            s = {"shape": scenes.sample_shape, "bare": scenes.sample_bare}.get(sort, scenes.sample_landscape)(rng)
            if sort == "sky":
                s["objects"], s["groups"] = [], []
            elif sort == "scene" and not s["groups"]:
                continue
            prompt, truth = words.caption(s, rng)
            if prompt in said or (sort == "sky" and "time" not in truth):
                continue
            said.add(prompt)
            rows.append(("%s%03d" % ("f" if n > 100 else "s", len(rows)), s, prompt, truth))
            left -= 1
    return rows


SETS = {"heldout.jsonl": (400, 1), "short.jsonl": (24, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["write", "draw"])
    parser.add_argument("source")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--many", type=int, help="with draw: that many fresh prompts instead, written to OUT/prompts.jsonl")
    args = parser.parse_args()
    if args.verb == "write":
        for name, (n, seed) in SETS.items():
            with open(os.path.join(args.source, name), "w", encoding="utf-8") as f:
                for i, _, prompt, truth in make(n, seed):
                    f.write(json.dumps(dict(id=i, prompt=prompt, truth=truth)) + "\n")
        return
    os.makedirs(args.out, exist_ok=True)
    if args.many:
        rows = make(args.many, 99)
        with open(os.path.join(args.out, "prompts.jsonl"), "w", encoding="utf-8") as f:
            for i, _, prompt, truth in rows:
                f.write(json.dumps(dict(id=i, prompt=prompt, truth=truth)) + "\n")
    else:
        rows = make(*SETS[os.path.basename(args.source)])
    torch.set_num_threads(2)
    for at in range(0, len(rows), 100):
        part = rows[at:at + 100]
        for (i, *_), p in zip(part, draw.draw([r[1] for r in part], args.size, "cpu")):
            Image.fromarray((p * 255).round().byte().permute(1, 2, 0).numpy()).save(os.path.join(args.out, i + ".png"))


if __name__ == "__main__":
    main()
