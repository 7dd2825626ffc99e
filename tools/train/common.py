"""common.py - what every trainer here shares: slices of a checkpoint, the learning-rate clock, a step captured
as one CUDA graph, the log, and the pool of drawn pictures.

A checkpoint is a folder of parts, each under 16 MiB, written beside the old one and swapped in, so that a machine
that dies in the middle leaves the old one whole. It holds the weights and their running average in f16; Adam's
moments are not kept: a resumed run warms up again over WARM_STEPS, which costs less than carrying them.
"""

import json
import math
import multiprocessing
import os
import shutil
import time

import torch
from safetensors.torch import load_file, save_file

import draw
import scenes
import words

PART_BYTES = 15 << 20
WARM_STEPS = 200
CHUNK = 2000  # scenes a worker makes from one random stream


class Log:
    """One JSON object a line: the loss curves are drawn from it."""

    def __init__(self, path):
        self.path, self.t0 = path, time.time()
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def __call__(self, **row):
        row = dict(s=round(time.time() - self.t0, 1), **row)
        print(json.dumps(row), flush=True)
        with open(self.path, "a") as f:
            f.write(json.dumps(row) + "\n")


def save_slices(folder, tensors, meta):
    """tensors: name -> tensor. Written as f16, in parts under PART_BYTES."""
    fresh = folder + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    part, size, n = {}, 0, 0
    for name, t in tensors.items():
        t = t.detach().to("cpu", torch.float16).contiguous()
        if part and size + t.numel() * 2 > PART_BYTES:
            save_file(part, os.path.join(fresh, "part-%02d.safetensors" % n))
            part, size, n = {}, 0, n + 1
        part[name], size = t, size + t.numel() * 2
    save_file(part, os.path.join(fresh, "part-%02d.safetensors" % n))
    with open(os.path.join(fresh, "meta.json"), "w") as f:
        json.dump(dict(meta, parts=n + 1), f)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(fresh, folder)


def load_slices(folder):
    """-> (name -> f32 tensor, meta), or (None, None) where there is none."""
    if not os.path.exists(os.path.join(folder, "meta.json")):
        return None, None
    with open(os.path.join(folder, "meta.json")) as f:
        meta = json.load(f)
    tensors = {}
    for n in range(meta["parts"]):
        tensors.update(load_file(os.path.join(folder, "part-%02d.safetensors" % n)))
    return {k: v.float() for k, v in tensors.items()}, meta


class Average:
    """The running average of some modules' weights: what is sampled from and shipped. Decay ramps up from 0.9."""

    def __init__(self, modules):
        self.modules = modules  # name -> module
        self.live = [p for m in modules.values() for p in m.parameters()]
        self.mean = [p.detach().clone() for p in self.live]
        self.keep = torch.tensor(0.9, device=self.live[0].device)

    @torch.no_grad()
    def update(self):
        torch._foreach_mul_(self.mean, self.keep)  # a lerp by a tensor would copy it to the host, which a graph cannot hold
        torch._foreach_add_(self.mean, torch._foreach_mul(self.live, 1 - self.keep))

    def ramp(self, step, final):
        self.keep.fill_(min(final, (1 + step) / (10 + step)))

    @torch.no_grad()
    def swap(self):
        """Exchanges live and average; call again to change back."""
        for a, b in zip(self.live, self.mean):
            a.data, b.data = b.data.clone(), a.data.clone()

    @torch.no_grad()
    def show(self):
        """Copies the average into the live weights and returns a function that undoes it (addresses stay: graphs hold them)."""
        kept = [p.detach().clone() for p in self.live]
        torch._foreach_copy_(self.live, self.mean)

        def undo():
            with torch.no_grad():
                torch._foreach_copy_(self.live, kept)
        return undo

    def state(self):
        names = ["%s.%s" % (n, k) for n, m in self.modules.items() for k, _ in m.named_parameters()]
        out = {"live." + n: p for n, p in zip(names, self.live)}
        out.update({"mean." + n: p for n, p in zip(names, self.mean)})
        return out

    @torch.no_grad()
    def restore(self, tensors):
        names = ["%s.%s" % (n, k) for n, m in self.modules.items() for k, _ in m.named_parameters()]
        for n, p, q in zip(names, self.live, self.mean):
            p.copy_(tensors["live." + n])
            q.copy_(tensors["mean." + n])


def load_mean(module, tensors, prefix):
    """Loads the averaged weights `mean.<prefix>.*` of a checkpoint into a module."""
    start = "mean.%s." % prefix
    module.load_state_dict({k[len(start):]: v for k, v in tensors.items() if k.startswith(start)}, strict=False)
    return module


class Step:
    """Calls fn again and again; on a GPU as one captured graph, which leaves no launch cost. Random numbers still advance."""

    def __init__(self, fn, device):
        self.fn, self.graph = fn, None
        if device.type != "cuda":
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.out = fn()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.out = fn()

    def __call__(self):
        if self.graph:
            self.graph.replay()
        else:
            self.out = self.fn()
        return self.out


def adam(params, device, decay):
    """AdamW whose learning rate lives in a tensor, so that a captured graph sees it change."""
    lr = torch.tensor(0.0, device=device)
    fused = dict(capturable=True, fused=True) if device.type == "cuda" else {}
    return torch.optim.AdamW(params, lr=lr, betas=(0.9, 0.99), weight_decay=decay, **fused), lr


def compiled(module, args):
    return torch.compile(module, dynamic=False) if args.device.type == "cuda" and not args.eager else module


def train(name, args, lr, peak, choose, log, average, final_keep, save, done_s=0.0, every=250, events=()):
    """Runs choose(i)() for args.seconds in all (done_s of them before this run), with a cosine learning rate over that clock.

    save(i, spent_s) runs every args.save_every_s. events: [(fraction, fn)], fn(i) called once when the clock passes it.
    Returns the number of steps."""
    t0 = last = saved = time.time()
    i = seen = 0
    waiting = sorted(events, key=lambda e: e[0])
    waiting = [e for e in waiting if e[0] > done_s / args.seconds]
    sync = torch.cuda.synchronize if args.device.type == "cuda" else lambda: None
    while True:
        if i % 10 == 0:
            sync()
            now = time.time()
            part = (done_s + now - t0) / args.seconds
            if part >= 1 or (args.max_steps and i >= args.max_steps):
                break
            lr.fill_(peak * min(1, (i + 1) / min(WARM_STEPS, 2 * args.seconds)) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part))))
            average.ramp(i + (10000 if done_s else 0), final_keep)
            if now - saved > args.save_every_s:
                save(i, done_s + now - t0)
                saved = time.time()
            while waiting and part >= waiting[0][0]:
                waiting.pop(0)[1](i)
        out = choose(i)()
        i += 1
        if i % every == 0:
            values = {k: round(float(v), 5) for k, v in out.items()}
            now = time.time()
            log(stage=name, step=i, part=round(part, 4), ms=round(1000 * (now - last) / (i - seen), 2), **values)
            last, seen = now, i
    save(i, done_s + time.time() - t0)
    log(stage=name, step=i, done=True)
    return i


def make_chunk(job):
    """-> [(scene, [captions])] of one random stream."""
    seed, index, n, n_captions = job
    shown, told = scenes.stream("train", seed, index), scenes.stream("train-words", seed, index)
    rows = []
    for _ in range(n):
        s = scenes.sample(shown)
        rows.append((s, [words.caption(s, told)[0] for _ in range(n_captions)]))
    return rows


def make_rows(seed, first, n, n_captions, workers):
    """n scenes with captions from the streams first, first + 1, ...; the same for any number of workers."""
    jobs = [(seed, first + k, min(CHUNK, n - k * CHUNK), n_captions) for k in range(-(-n // CHUNK))]
    if workers <= 1:
        return [r for j in jobs for r in make_chunk(j)]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return [r for part in pool.imap(make_chunk, jobs) for r in part]


@torch.no_grad()
def render(some, size, device):
    """-> uint8 [n][3][size][size]. Large batches on a GPU: the cost is in launching thousands of small shapes, not in their pixels."""
    step = 5000 * 128 * 128 // (size * size) if torch.device(device).type == "cuda" else 200
    out = torch.empty(len(some), 3, size, size, dtype=torch.uint8, device=device)
    for i in range(0, len(some), step):
        out[i:i + step] = (draw.draw(some[i:i + step], size, device) * 255 + 0.5).to(torch.uint8)
    return out


def render_streams(seed, first, n, size, args):
    """The pictures of make_rows(seed, first, n, ...). Scenes and words come from different streams, so the words' number does not matter."""
    return render([r[0] for r in make_rows(seed, first, n, 1, args.workers)], size, args.device)


def to_model(u8):
    return u8.float() / 127.5 - 1


def arguments(parser):
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", type=torch.device)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="the whole clock of this stage, earlier slices included")
    parser.add_argument("--max-steps", type=int, default=0)
    parser.add_argument("--save-every-s", type=float, default=120.0)
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--workers", type=int, default=min(14, os.cpu_count() or 1))
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    if args.device.type == "cpu":
        torch.set_num_threads(2)
    return args
