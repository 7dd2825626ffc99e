"""train_vae.py OUT - AutoencoderKL on drawn pictures, at 128 and 192.

The loss is pixel error, squared and absolute, weighted up where the picture has edges (small things live there), plus
edges themselves and structural similarity. Squared error keeps a say of its own: a normalised decoder likes to hide
its scale in one bright speck, and only squared error minds a speck. The running average of the weights is what
counts. At the end the latents' mean and deviation are folded into the two 1x1 convolutions beside them, so
that SD's own scaling factor fits.
"""

import argparse
import os
import time

import torch
import torch.nn.functional as F

import common
import models
import sheet


def similarity(x, y):
    """Mean structural similarity over 7x7 windows (Wang et al. 2004), of pictures in [-1,1]."""
    def mean(v):
        return F.avg_pool2d(v, 7, 3)
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return (((2 * mx * my + 4e-4) * (2 * both + 3.6e-3)) / ((mx * mx + my * my + 4e-4) * (vx + vy + 3.6e-3))).mean()


def edges(x):
    """How much goes on around each pixel: [n][1][h][w] in 0..1."""
    g = F.pad((x[..., 1:] - x[..., :-1]).abs(), (0, 1)) + F.pad((x[..., 1:, :] - x[..., :-1, :]).abs(), (0, 0, 0, 1))
    return F.max_pool2d(g.mean(1, keepdim=True), 5, 1, 2).clamp(0, 1)


def losses(y, x):
    e = y - x
    w = 1 + 2 * edges(x)
    slope = ((e[..., 1:] - e[..., :-1]).abs().mean() + (e[..., 1:, :] - e[..., :-1, :]).abs().mean())
    l1, l2 = (w * e.abs()).mean(), (w * e * e).mean()
    return l1 + 6 * l2 + 0.3 * slope + 0.1 * (1 - similarity(y, x)), (e * e).mean()


def make_step(vae, encoder, decoder, pool, batch, opt, average, args):
    def step():
        opt.zero_grad(set_to_none=True)
        x = common.to_model(pool[torch.randint(len(pool), (batch,), device=args.device)]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(args.device.type, torch.bfloat16):
            mean, logvar = vae.quant_conv(encoder(x)).float().chunk(2, 1)
            logvar = logvar.clamp(-20, 10)
            z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
            y = decoder(vae.post_quant_conv(z)).float()
        kl = 0.5 * (mean * mean + logvar.exp() - 1 - logvar).mean()
        loss, mse = losses(y, x)
        (loss + args.kl * kl).backward()
        torch.nn.utils.clip_grad_norm_(average.live, 1.0)
        opt.step()
        average.update()
        return dict(loss=loss.detach(), mse=mse.detach(), kl=kl.detach())
    return step


@torch.no_grad()
def fold(vae, z):
    """Makes z * SCALING zero-mean and of unit deviation a channel, exactly, by changing only quant_conv and post_quant_conv."""
    mean, k = z.mean((0, 2, 3)), 1 / (models.SCALING * z.std((0, 2, 3)))
    post, quant = vae.post_quant_conv, vae.quant_conv
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight /= k.view(1, 4, 1, 1)
    quant.bias[:4] = (quant.bias[:4] - mean) * k
    quant.weight[:4] *= k.view(4, 1, 1, 1)
    quant.bias[4:] += 2 * k.log()


@torch.no_grad()
def encode(vae, u8, device, step=250):
    """-> latents (the mean), unscaled."""
    out = []
    with torch.autocast(device.type, torch.bfloat16):
        for i in range(0, len(u8), step):
            x = common.to_model(u8[i:i + step].to(device)).contiguous(memory_format=torch.channels_last)
            out.append(vae.encode(x).latent_dist.mean.float())
    return torch.cat(out)


@torch.no_grad()
def judge(vae, device, n, out, log):
    """PSNR on fresh scenes (streams that no trainer reads), in f32; of landscapes alone and of the whole mixture."""
    rows = common.make_rows(77, 10 ** 6, n, 1, 1)
    for size in (128, 192):
        x = common.to_model(common.render([r[0] for r in rows], size, device))
        y = torch.cat([vae.decode(vae.encode(x[i:i + 32]).latent_dist.mean).sample for i in range(0, n, 32)]).clamp(-1, 1)
        mse = ((y - x) ** 2).mean((1, 2, 3)).double() / 4
        psnr = -10 * mse.log10()
        land = torch.tensor([r[0]["kind"] == "scene" for r in rows], device=psnr.device)
        worst = (y - x).abs().amax((1, 2, 3))
        log(stage="vae-judge", size=size, n=n, psnr=round(float(psnr.mean()), 2), psnr_landscapes=round(float(psnr[land].mean()), 2),
            psnr_of_mean_error=round(float(-10 * mse.mean().log10()), 2), psnr_worst=round(float(psnr.min()), 2),
            ssim=round(float(similarity(x, y)), 4), largest_error=round(float(worst.max()) / 2, 3))
        pick = [i for i in range(n) if land[i]][:16] + [int(psnr.argmin()), int(worst.argmax())]
        sheet.save_sheet([(v[i] + 1) / 2 for i in pick for v in (x, y)], 6, os.path.join(out, "vae%d.png" % size))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--pool", type=int, default=120000)
    parser.add_argument("--pool-large", type=int, default=40000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--large-every", type=int, default=6)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--kl", type=float, default=1e-4)
    args = common.arguments(parser)
    log = common.Log(os.path.join(args.out, "vae.log.jsonl"))
    kept = os.path.join(args.out, "vae-state")
    small = common.render_streams(args.seed, 0, args.pool, 128, args)
    large = common.render_streams(args.seed, -(-args.pool // common.CHUNK), args.pool_large, 192, args)
    log(stage="vae", drawn=args.pool + args.pool_large)
    vae = models.vae().to(args.device).to(memory_format=torch.channels_last)
    log(stage="vae", parameters=models.size(vae))
    average = common.Average(dict(vae=vae))
    tensors, meta = common.load_slices(kept)
    done_s = meta["spent_s"] if meta else 0.0
    if tensors:
        average.restore({k: v.to(args.device) for k, v in tensors.items()})
    opt, lr = common.adam(average.live, args.device, 0.0)
    encoder, decoder = common.compiled(vae.encoder, args), common.compiled(vae.decoder, args)
    t = time.time()
    near = common.Step(make_step(vae, encoder, decoder, small, args.batch, opt, average, args), args.device)
    far = common.Step(make_step(vae, vae.encoder, vae.decoder, large, args.batch * 4 // 9, opt, average, args), args.device)
    log(stage="vae", ready_s=round(time.time() - t, 1))

    def save(i, spent_s):
        common.save_slices(kept, average.state(), dict(step=i, spent_s=spent_s))

    def look(i):
        undo = average.show()
        judge(vae, args.device, 64, args.out, log)
        undo()
    k = args.large_every
    common.train("vae", args, lr, args.lr, lambda i: far if i % k == k - 1 else near, log, average, 0.9995, save, done_s,
                 events=[(0.2, look), (0.5, look), (0.8, look)])
    average.show()
    fold(vae, encode(vae, small[:6000], args.device))
    common.save_slices(os.path.join(args.out, "vae"), {"mean.vae." + k: v for k, v in vae.state_dict().items()}, dict(folded=True))
    judge(vae, args.device, min(512, args.pool), args.out, log)
    z = encode(vae, small[:2000], args.device) * models.SCALING
    log(stage="vae", latent_mean=[round(v, 3) for v in z.mean((0, 2, 3)).tolist()], latent_std=[round(v, 3) for v in z.std((0, 2, 3)).tolist()])


if __name__ == "__main__":
    main()
