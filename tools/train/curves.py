"""curves.py RUN OUT.png - the loss curves of a run, from its logs."""

import json
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PANELS = [("vae", "mse", "autoencoder: squared error"), ("tiny", "mse", "tiny autoencoder: squared error"),
          ("unet", "loss", "text encoder and UNet: v, squared error"), ("fast", "mse", "few-step sibling: squared error of the end"),
          ("eye", "loss", "the checker's eye: cross entropy")]


def main():
    run, out = sys.argv[1:3]
    have = [p for p in PANELS if os.path.exists(os.path.join(run, p[0] + ".log.jsonl"))]
    figure, axes = plt.subplots(1, len(have), figsize=(4.2 * len(have), 3.2))
    for axis, (stage, key, title) in zip(axes, have):
        with open(os.path.join(run, stage + ".log.jsonl")) as f:
            rows = [r for r in map(json.loads, f) if r.get("stage") == stage and "step" in r and key in r]
        axis.plot([r["step"] for r in rows], [r[key] for r in rows], color="#3a6ea5", linewidth=1.2)
        axis.set(title=title, xlabel="step", yscale="log")
        axis.title.set_fontsize(9)
        axis.grid(True, which="both", alpha=0.2)
    figure.tight_layout()
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    main()
