"""train_tiny.py OUT - AutoencoderTiny distilled from the AutoencoderKL: the same latents (scaled), a fifth of the work.

The decoder learns drawn pictures from the large encoder's latents; the encoder learns those latents from the pictures.
"""

import argparse
import os
import time

import torch

import common
import models
import sheet
import train_unet
import train_vae


def make_step(tiny, latents, pool, batch, opt, average, args):
    def step():
        opt.zero_grad(set_to_none=True)
        i = torch.randint(len(pool), (batch,), device=args.device)
        x, z = common.to_model(pool[i]).contiguous(memory_format=torch.channels_last), latents[i]
        with torch.autocast(args.device.type, torch.bfloat16):
            seen = tiny.encode(x).latents.float()
            y = tiny.decode((z + 0.05 * torch.randn_like(z)).to(torch.bfloat16)).sample.float()
        loss, mse = train_vae.losses(y, x)
        far = ((seen - z.float()) ** 2).mean()
        (loss + 0.5 * far).backward()
        torch.nn.utils.clip_grad_norm_(average.live, 1.0)
        opt.step()
        average.update()
        return dict(mse=mse.detach(), latent_mse=far.detach())
    return step


@torch.no_grad()
def judge(tiny, vae, args, log, n):
    rows = [r[0] for r in common.make_rows(77, 10 ** 6, n, 1, 1)]
    for size in (128, 192):
        x = common.to_model(common.render(rows, size, args.device))
        z = torch.cat([vae.encode(x[i:i + 32]).latent_dist.mean for i in range(0, n, 32)]) * models.SCALING
        y = torch.cat([tiny.decode(z[i:i + 32]).sample for i in range(0, n, 32)]).clamp(-1, 1)
        own = torch.cat([tiny.encode(x[i:i + 32]).latents for i in range(0, n, 32)])
        psnr = -10 * (((y - x) ** 2).mean((1, 2, 3)) / 4).log10()
        log(stage="tiny-judge", size=size, psnr=round(float(psnr.mean()), 2), latent_mse=round(float(((own - z) ** 2).mean()), 4))
        sheet.save_sheet([(v[i] + 1) / 2 for i in range(min(9, n)) for v in (x, y)], 6, os.path.join(args.out, "tiny%d.png" % size))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--pool", type=int, default=40000)
    parser.add_argument("--until", type=float, default=0.0, help="stop at this epoch second instead of after --seconds")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    args = common.arguments(parser)
    log = common.Log(os.path.join(args.out, "tiny.log.jsonl"))
    pool = common.render_streams(args.seed, 0, args.pool, 128, args)
    vae = train_unet.load_vae(args)
    tiny = models.tiny_vae().to(args.device).to(memory_format=torch.channels_last)
    latents = train_vae.encode(vae, pool, args.device) * models.SCALING
    log(stage="tiny", parameters=models.size(tiny))
    average = common.Average(dict(tiny=tiny))
    tensors, _ = common.load_slices(os.path.join(args.out, "tiny"))
    if tensors:
        average.restore({k: v.to(args.device) for k, v in tensors.items()})
    opt, lr = common.adam(average.live, args.device, 0.0)
    step = common.Step(make_step(tiny, latents, pool, args.batch, opt, average, args), args.device)

    def save(i, spent_s):
        common.save_slices(os.path.join(args.out, "tiny"), average.state(), dict(step=i, spent_s=spent_s))
    if args.until:
        args.seconds = max(5.0, args.until - time.time())
    common.train("tiny", args, lr, args.lr, lambda i: step, log, average, 0.999, save, every=500)
    average.show()
    judge(tiny, vae, args, log, 128 if args.device.type == "cuda" else 12)


if __name__ == "__main__":
    main()
