"""sample.py - DDIM and few-step sampling without a pipeline, for looking in the middle of training and for making
trajectories. Song et al. 2021 eq. 12 with eta 0; v-prediction as Salimans and Ho 2022."""

import torch


def split_v(x, v, a):
    """-> (x0, noise) from a v-prediction; a is the cumulative alpha, a number or [n][1][1][1]."""
    return a ** 0.5 * x - (1 - a) ** 0.5 * v, a ** 0.5 * v + (1 - a) ** 0.5 * x


@torch.no_grad()
def guided(unet, x, t, context, empty, scale):
    """Classifier-free guidance in one doubled batch. context, empty: [n][77][hidden]."""
    n = len(x)
    if scale == 1.0:
        return unet(x, t.expand(n), context, return_dict=False)[0].float()
    out = unet(torch.cat([x, x]), t.expand(2 * n), torch.cat([empty, context]), return_dict=False)[0].float()
    plain, told = out.chunk(2)
    return plain + scale * (told - plain)


def trailing(steps):
    """Timesteps 1000/steps apart from 999 down."""
    return [round(1000 - k * 1000 / steps) - 1 for k in range(steps)]


@torch.no_grad()
def ddim(unet, x, context, empty, alphas, grid, scale, keep=None):
    """One step a timestep of the grid. keep(k, x) sees the state before step k."""
    steps = len(grid)
    with torch.autocast(x.device.type, torch.bfloat16):
        for k, t in enumerate(grid):
            if keep:
                keep(k, x)
            v = guided(unet, x, torch.tensor([t], device=x.device), context, empty, scale)
            x0, noise = split_v(x, v, alphas[t])
            before = alphas[grid[k + 1]] if k + 1 < steps else torch.ones_like(alphas[0])
            x = before ** 0.5 * x0 + (1 - before) ** 0.5 * noise
    return x


@torch.no_grad()
def few_steps(unet, x, context, alphas, steps, generator, grid=25):
    """The consistency sampler of LCM (Luo et al. 2023): to x0 at once, then noise again to the next level."""
    origin = [(i + 1) * (1000 // grid) - 1 for i in range(grid)][::-1]
    levels = [origin[int(k * grid / steps)] for k in range(steps)]
    with torch.autocast(x.device.type, torch.bfloat16):
        for k, t in enumerate(levels):
            v = unet(x, torch.tensor([t], device=x.device).expand(len(x)), context, return_dict=False)[0].float()
            x, _ = split_v(x, v, alphas[t])
            if k + 1 < steps:
                a = alphas[levels[k + 1]]
                x = a ** 0.5 * x + (1 - a) ** 0.5 * torch.randn(x.shape, device=x.device, generator=generator)
    return x


@torch.no_grad()
def decode(vae, z, scaling, step=64):
    """-> pictures in [0,1]."""
    out = [vae.decode(z[i:i + step] / scaling).sample.float() for i in range(0, len(z), step)]
    return ((torch.cat(out) + 1) / 2).clamp(0, 1)
