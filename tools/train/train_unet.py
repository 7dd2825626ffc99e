"""train_unet.py OUT - the text encoder and the UNet, together, from nothing, on latents of drawn pictures.

v-prediction with plain mean squared error (an unweighted loss: epsilon with min-SNR weights failed in a prototype),
batch 256 at 128 x 128, every fourth step a smaller batch at 192 x 192; a tenth of the captions are dropped so
that guidance works; every scene carries several wordings and one is drawn each time. Places are learned late and
at once, so a run cut short looks as if captions were ignored.

Reads OUT/vae (train_vae.py). Writes OUT/unet (slices), OUT/tokenizer.
"""

import argparse
import json
import os
import time

import torch

import common
import models
import prompts
import sample
import sheet
import train_vae
from tokenizer import Tokenizer


def held_out(path):
    """The held-out prompts: training never sees their wording."""
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        return {json.loads(row)["prompt"] for row in f if row.strip()}


def make_data(args, vae, log):
    """-> [(latents, ids[n][captions][77])] at 128 and 192, and the tokenizer."""
    assert args.pool % common.CHUNK == 0 or args.workers <= 1, "the pool at 192 begins with a stream of its own"
    total = args.pool + args.pool_large
    rows = common.make_rows(args.seed, 0, total, args.captions, args.workers)
    kept_back = held_out(args.held_out)
    log(stage="unet", scenes=len(rows), held_back=sum(c in kept_back for r in rows for c in r[1]))
    folder = os.path.join(args.out, "tokenizer")
    if os.path.exists(os.path.join(folder, "merges.txt")):
        tok = Tokenizer.load(folder)
    else:
        tok = Tokenizer.learn([c for r in rows[:20000] for c in r[1]])
        tok.save(folder)
    ids = torch.empty(len(rows), args.captions, 77, dtype=torch.int16)
    flat = []
    for r in rows:
        said = [c for c in r[1] if c not in kept_back] or [""]
        flat += [tok(said[k % len(said)]) for k in range(args.captions)]
    ids.copy_(torch.tensor(flat, dtype=torch.int16).view(len(rows), args.captions, 77))
    ids = ids.to(args.device)
    log(stage="unet", vocabulary=len(tok.ids), longest=int((ids != tok.end).sum(-1).max()))
    data = []
    for size, first, n in ((128, 0, args.pool), (192, args.pool, args.pool_large)):
        z = []
        for i in range(first, first + n, 40000):  # a part at a time: bytes are drawn, encoded and dropped
            part = common.render_streams(args.seed, i // common.CHUNK, min(40000, first + n - i), size, args)
            z.append(train_vae.encode(vae, part, args.device) * models.SCALING)
        data.append((torch.cat(z), ids[first:first + n]))
        log(stage="unet", latents=list(data[-1][0].shape), std=round(float(data[-1][0].std()), 4))
    return data, tok


def make_step(unet, text, pool, batch, opt, average, alphas, empty, args):
    latents, ids_all = pool

    def step():
        opt.zero_grad(set_to_none=True)
        i = torch.randint(len(latents), (batch,), device=args.device)
        x0 = latents[i]
        ids = ids_all[i, torch.randint(ids_all.shape[1], (batch,), device=args.device)].long()
        ids = torch.where(torch.rand(batch, 1, device=args.device) < 0.1, empty, ids)
        t = torch.randint(1000, (batch,), device=args.device)
        noise = torch.randn_like(x0)
        a = alphas[t].view(-1, 1, 1, 1)
        x = a.sqrt() * x0 + (1 - a).sqrt() * noise
        want = a.sqrt() * noise - (1 - a).sqrt() * x0
        with torch.autocast(args.device.type, torch.bfloat16):
            v = unet(x, t, text(ids)[0], return_dict=False)[0]
        loss = ((v.float() - want) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(average.live, 1.0)
        opt.step()
        average.update()
        return dict(loss=loss.detach())
    return step


def load_vae(args):
    tensors, _ = common.load_slices(os.path.join(args.out, "vae"))
    return common.load_mean(models.vae(), tensors, "vae").to(args.device).to(memory_format=torch.channels_last).eval()


def encode_prompts(text, tok, some, device):
    ids = torch.tensor([tok(p) for p in some], device=device)
    none = torch.tensor([tok("")], device=device)
    return text(ids)[0].float(), text(none)[0].float().expand(len(some), -1, -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--pool", type=int, default=240000)
    parser.add_argument("--pool-large", type=int, default=80000)
    parser.add_argument("--captions", type=int, default=4)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--large-every", type=int, default=4)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--held-out", default="tests/facts/heldout.jsonl")
    parser.add_argument("--rehearse", action="store_true", help="random latents: only compile and time the steps")
    args = common.arguments(parser)
    log = common.Log(os.path.join(args.out, "rehearsal.jsonl" if args.rehearse else "unet.log.jsonl"))
    kept = os.path.join(args.out, "unet-rehearsal" if args.rehearse else "unet")
    if args.rehearse:
        tok = Tokenizer.learn([c for r in common.make_rows(args.seed, 0, 4000, 2, 1) for c in r[1]])
        ids = torch.zeros(1000, args.captions, 77, dtype=torch.int16, device=args.device)
        data = [(torch.randn(1000, 4, n, n, device=args.device), ids) for n in (16, 24)]
    else:
        vae = load_vae(args)
        data, tok = make_data(args, vae, log)
    text, unet = models.text_encoder(len(tok.ids)).to(args.device), models.unet().to(args.device).to(memory_format=torch.channels_last)
    log(stage="unet", parameters=models.size(unet), text_parameters=models.size(text))
    average = common.Average(dict(text=text, unet=unet))
    tensors, meta = common.load_slices(kept) if not args.rehearse else (None, None)
    done_s = meta["spent_s"] if meta else 0.0
    if tensors:
        average.restore({k: v.to(args.device) for k, v in tensors.items()})
    opt, lr = common.adam(average.live, args.device, 0.01)
    alphas, empty = models.alphas(args.device), torch.tensor(tok(""), device=args.device)
    net = common.compiled(unet, args)
    steps = []
    for pool, batch in zip(data, (args.batch, args.batch * 4 // 9)):
        t = time.time()
        steps.append(common.Step(make_step(net, text, pool, batch, opt, average, alphas, empty, args), args.device))
        ready = time.time() - t
        t = time.time()
        for _ in range(10 if args.device.type == "cuda" else 1):
            steps[-1]()
        if args.device.type == "cuda":
            torch.cuda.synchronize()
        log(stage="unet", batch=batch, ready_s=round(ready, 1), step_ms=round((time.time() - t) * 100, 1))
    if args.rehearse:
        return

    def save(i, spent_s):
        common.save_slices(kept, average.state(), dict(step=i, spent_s=spent_s, vocabulary=len(tok.ids)))

    some = prompts.sheet_prompts()

    def look(i):
        undo = average.show()
        with torch.no_grad():
            context, none = encode_prompts(text, tok, some, args.device)
        for size in (128, 192):
            g = torch.Generator(args.device).manual_seed(3)
            x = torch.randn(len(some), 4, size // 8, size // 8, device=args.device, generator=g)
            z = sample.ddim(unet, x, context, none, alphas, sample.trailing(20), 5.0)
            sheet.save_sheet(sample.decode(vae, z, models.SCALING), 6, os.path.join(args.out, "unet%d.png" % size))
        undo()
    k = args.large_every
    common.train("unet", args, lr, args.lr, lambda i: steps[i % k == k - 1], log, average, 0.9995, save, done_s, every=500,
                 events=[(0.15, look), (0.4, look), (0.7, look)])
    average.show()
    look(0)


if __name__ == "__main__":
    main()
