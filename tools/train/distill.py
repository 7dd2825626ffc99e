"""distill.py OUT - the few-step sibling: a consistency model of the guided teacher.

First the teacher paints: 25 guided DDIM steps (13 with --stride 2) from pure noise for many captions, and every state
of each walk is kept. Then the student, starting as the teacher, learns to jump from any state of a walk straight to its end (the
consistency function of Song et al. 2023, learned from stored walks rather than from its own moving target, which
cannot drift). Guidance is baked in, so the student runs without it. It paints like LCM: jump to the end, noise
again to a lower level, jump again: 1 to 4 steps.

The walk's grid is 39, 79, ..., 999, that of diffusers' LCMScheduler with original_inference_steps = 25.
"""

import argparse
import os
import time

import torch

import common
import models
import prompts
import sample
import sheet
import train_unet
from tokenizer import Tokenizer

GRID = 25


@torch.no_grad()
def make_walks(n, size, batch, unet, text, tok, alphas, args, first):
    """-> states f16 [n][levels + 1][4][h][w] (pure noise first, the end last), contexts f16 [n][77][hidden]."""
    rows = common.make_rows(args.seed, first, n, 1, args.workers)
    ids = torch.tensor([tok(r[1][0]) for r in rows], dtype=torch.int16, device=args.device)
    h, levels = size // 8, len(range(0, GRID, args.stride))
    states = torch.empty(n, levels + 1, 4, h, h, dtype=torch.float16, device=args.device)
    contexts = torch.empty(n, 77, models.HIDDEN, dtype=torch.float16, device=args.device)
    grid = [1000 - 40 * k - 1 for k in range(0, GRID, args.stride)]
    none = text(torch.tensor([tok("")], device=args.device))[0].float()
    for i in range(0, n, batch):
        part = ids[i:i + batch].long()
        k = len(part)
        context = text(part)[0].float()
        contexts[i:i + k] = context.half()

        def keep(step, x):
            states[i:i + k, step] = x.half()
        x = torch.randn(k, 4, h, h, device=args.device)
        states[i:i + k, levels] = sample.ddim(unet, x, context, none.expand(k, -1, -1), alphas, grid, args.guidance, keep).half()
    return states, contexts


def make_step(student, walks, batch, opt, average, alphas, args):
    states, contexts = walks
    levels = states.shape[1] - 1
    grid = torch.tensor([1000 - 40 * k - 1 for k in range(0, GRID, args.stride)], device=args.device)
    starts = torch.tensor([0, 0, 0, 6, 6, 8, 12, 12, 16, 18], device=args.device) // args.stride  # where 1, 2, 3 and 4 steps start from

    def step():
        opt.zero_grad(set_to_none=True)
        i = torch.randint(len(states), (batch,), device=args.device)
        often = starts[torch.randint(len(starts), (batch,), device=args.device)]
        k = torch.where(torch.rand(batch, device=args.device) < 0.7, often, torch.randint(levels, (batch,), device=args.device))
        x, end, t = states[i, k].float(), states[i, levels].float(), grid[k]
        a = alphas[t].view(-1, 1, 1, 1)
        with torch.no_grad():
            noised = a.sqrt() * end + (1 - a).sqrt() * torch.randn_like(end)
        # low levels also from noised ends: that is what the sampler feeds back
        fresh = (torch.rand(batch, 1, 1, 1, device=args.device) < 0.3) & (a > 0.35)
        x = torch.where(fresh, noised, x)
        with torch.autocast(args.device.type, torch.bfloat16):
            v = student(x, t, contexts[i].float(), return_dict=False)[0]
        x0, _ = sample.split_v(x, v.float(), a)
        # pseudo-Huber of each picture (Song and Dhariwal 2023): sharper than squares where several ends are possible
        d = ((x0 - end) ** 2).mean((1, 2, 3))
        loss = ((d + 0.01) ** 0.5 - 0.1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(average.live, 1.0)
        opt.step()
        average.update()
        return dict(loss=loss.detach(), mse=d.detach().mean())
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--walks", type=int, default=60000)
    parser.add_argument("--walks-large", type=int, default=16000)
    parser.add_argument("--stride", type=int, default=1, help="levels of the grid walked: every one (1) or every other one (2), which halves the walks' cost")
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--until", type=float, default=0.0, help="stop at this epoch second instead of after --seconds")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-4)
    args = common.arguments(parser)
    log = common.Log(os.path.join(args.out, "fast.log.jsonl"))
    tok = Tokenizer.load(os.path.join(args.out, "tokenizer"))
    tensors, meta = common.load_slices(os.path.join(args.out, "unet"))
    text = common.load_mean(models.text_encoder(len(tok.ids)), tensors, "text").to(args.device).eval().requires_grad_(False)
    teacher, student = (common.load_mean(models.unet(), tensors, "unet").to(args.device).to(memory_format=torch.channels_last) for _ in range(2))
    alphas, vae = models.alphas(args.device), train_unet.load_vae(args)
    t = time.time()
    walks = [make_walks(args.walks, 128, 1000, teacher, text, tok, alphas, args, 2000000),
             make_walks(args.walks_large, 192, 500, teacher, text, tok, alphas, args, 3000000)]
    if args.device.type == "cuda":
        torch.cuda.synchronize()
    log(stage="fast", walks=args.walks + args.walks_large, made_s=round(time.time() - t, 1))
    average = common.Average(dict(unet=student))
    opt, lr = common.adam(average.live, args.device, 0.0)
    net = common.compiled(student, args)
    steps = [common.Step(make_step(net, w, b, opt, average, alphas, args), args.device) for w, b in zip(walks, (args.batch, args.batch * 4 // 9))]
    log(stage="fast", ready_s=round(time.time() - t, 1))
    some = prompts.sheet_prompts()

    def save(i, spent_s):
        common.save_slices(os.path.join(args.out, "fast"), {k: v for k, v in average.state().items() if k.startswith("mean.")}, dict(step=i, spent_s=spent_s))

    def look(i):
        undo = average.show()
        with torch.no_grad():
            context, _ = train_unet.encode_prompts(text, tok, some, args.device)
        for size in (128, 192):
            for n in (1, 2, 4):
                g = torch.Generator(args.device).manual_seed(3)
                x = torch.randn(len(some), 4, size // 8, size // 8, device=args.device, generator=g)
                z = sample.few_steps(student, x, context, alphas, n, g, GRID)
                sheet.save_sheet(sample.decode(vae, z, models.SCALING), 6, os.path.join(args.out, "fast%d-%d.png" % (size, n)))
        undo()
    if args.until:  # a lent machine's end, in epoch seconds
        args.seconds = max(5.0, args.until - time.time())
        log(stage="fast", seconds=round(args.seconds, 1))
    common.train("fast", args, lr, args.lr, lambda i: steps[i % 4 == 3], log, average, 0.9995 if args.seconds > 200 else 0.995, save, every=200,
                 events=[] if args.until else [(0.4, look)])
    if not args.until:
        look(0)


if __name__ == "__main__":
    main()
