"""sheet.py - contact sheets of pictures, as PNG."""

import numpy as np
from PIL import Image


def save_sheet(pictures, columns, path):
    """pictures: float [n][3][h][w] in [0,1] (a tensor, or a list of [3][h][w])."""
    h, w = pictures[0].shape[1:]
    rows = -(-len(pictures) // columns)
    out = np.full((rows * (h + 4), columns * (w + 4), 3), 255, np.uint8)
    for i, p in enumerate(pictures):
        y, x = (i // columns) * (h + 4) + 2, (i % columns) * (w + 4) + 2
        out[y:y + h, x:x + w] = (p.float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(out).save(path)
