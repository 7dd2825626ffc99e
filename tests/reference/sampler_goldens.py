"""Runs diffusers' schedulers over a made-up denoiser and writes what they give, for the C samplers to equal.

Usage: python3 sampler_goldens.py [OUT_DIR]      (default: ../golden/samplers)

Writes cases.json (what to run) and cases.f32 (little-endian floats, one case after the other): timesteps,
sigmas, init_noise_sigma, the latent that the loop starts from, the latent after every step. The loop is that
of StableDiffusionPipeline and StableDiffusionImg2ImgPipeline. Made with diffusers 0.42.1 and torch 2.13.
"""

import json
import sys
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch

SHAPE = (1, 2, 3, 4)
SEED = 1234
NAMES = {
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
}
RESPACED = ["euler", "heun", "lms", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "deis"]

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SD15 = dict(SD, _class_name="PNDMScheduler", num_train_timesteps=1000, set_alpha_to_one=False, skip_prk_steps=True,
            steps_offset=1, trained_betas=None, clip_sample=False)
SDXS = dict(SD15, _class_name="DEISMultistepScheduler")
TURBO = dict(SD15, _class_name="EulerDiscreteScheduler", interpolation_type="linear", prediction_type="epsilon",
             sample_max_value=1.0, sigma_max=None, sigma_min=None, timestep_spacing="trailing",
             timestep_type="discrete", use_karras_sigmas=False)
SD21 = dict(SD15, _class_name="DDIMScheduler", prediction_type="v_prediction")
ZERO_SNR = dict(SD21, rescale_betas_zero_snr=True, timestep_spacing="trailing")


def scheduler_of(config, name):
    if not name:
        return getattr(diffusers, config["_class_name"]).from_config(dict(config))
    overrides = {}
    for word in ("karras", "exponential", "beta"):
        if name.endswith("_" + word):
            name = name[: -len(word) - 1]
            overrides = {f"use_{w}_sigmas": w == word for w in ("karras", "exponential", "beta")}
    class_name, more = NAMES[name]
    return getattr(diffusers, class_name).from_config(dict(config), **overrides, **more)


def in_pipeline(config, name):
    """As a user changes the scheduler of a pipeline, which corrected the one that it was opened with; asking for
    the same class changes nothing."""
    parts = dict.fromkeys(["vae", "text_encoder", "tokenizer", "unet", "safety_checker", "feature_extractor"])
    pipe = diffusers.StableDiffusionPipeline(scheduler=scheduler_of(config, None), requires_safety_checker=False,
                                             **parts)
    if not name or NAMES[name][0] == config["_class_name"]:
        return pipe.scheduler
    return scheduler_of(pipe.scheduler.config, name)


def denoiser(x, t):
    """Cheap, nonlinear, and the same bits in C: single operations in float32."""
    k = torch.arange(x.numel(), dtype=torch.float32).reshape(x.shape)
    moved = x - (k - 11.5) * np.float32(0.125).item()
    return x * 0.5 + (moved / (moved.abs() + 1.0)) * (t.to(torch.float32) * 0.0005 + 0.25)


def run(config, name, steps, strength, pipeline):
    if pipeline == "sd":
        scheduler = in_pipeline(config, name)
    else:
        scheduler = scheduler_of(config, name)
    generator = torch.Generator("cpu").manual_seed(SEED)
    scheduler.set_timesteps(steps, **({"strength": strength} if pipeline == "lcm" else {}))
    timesteps = scheduler.timesteps
    noise = torch.randn(SHAPE, generator=generator)
    clean = (torch.arange(noise.numel(), dtype=torch.float32).reshape(SHAPE) - 12) * 0.125
    begin = 0
    if strength < 1 and pipeline == "lcm":
        latents = scheduler.add_noise(clean, noise, timesteps[:1])
    elif strength < 1:
        init = min(int(steps * strength), steps)
        begin = max(steps - init, 0) * scheduler.order
        timesteps = scheduler.timesteps[begin:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        latents = scheduler.add_noise(clean, noise, timesteps[:1])
    else:
        latents = noise * scheduler.init_noise_sigma
    kinds = scheduler.step.__code__.co_varnames
    more = {"generator": generator} if "generator" in kinds else {}
    all_latents = [latents]
    for t in timesteps:
        output = denoiser(scheduler.scale_model_input(latents, t), t)
        latents = scheduler.step(output, t, latents, **more, return_dict=False)[0]
        all_latents.append(latents)
    sigmas = getattr(scheduler, "sigmas", torch.zeros(0))
    if not all(torch.isfinite(x).all() for x in all_latents):
        raise FloatingPointError("not finite")
    return {
        "timesteps": scheduler.timesteps.to(torch.float32),
        "sigmas": sigmas.to(torch.float32),
        "init_noise_sigma": torch.tensor(float(scheduler.init_noise_sigma)).reshape(1),
        "latents": torch.cat([x.reshape(-1) for x in all_latents]),
        "begin": begin,
    }


def cases():
    """(config, sampler or None, steps, strength[, pipeline whose habits to follow])"""
    every = list(NAMES) + [f"{n}_{w}" for n in RESPACED for w in ("karras", "exponential", "beta")]
    for name in [None] + every:
        for steps in (1, 2, 4, 5, 20, 50):
            yield SD15, name, steps, 1.0
        for steps, strength in ((5, 0.3), (5, 0.8), (20, 0.3), (20, 0.8)):
            yield SD15, name, steps, strength
    for config in (SDXS, TURBO, SD21, ZERO_SNR):
        for name in [None] + list(NAMES) + ["dpmpp_2m_karras", "euler_karras"]:
            for steps, strength in ((1, 1.0), (4, 1.0), (20, 1.0), (5, 0.8)):
                yield config, name, steps, strength
    for name in NAMES:
        for spacing in ("leading", "trailing", "linspace"):
            for prediction in ("epsilon", "v_prediction", "sample"):
                config = dict(SD, _class_name=NAMES[name][0], timestep_spacing=spacing, prediction_type=prediction,
                              **NAMES[name][1])
                yield config, None, 7, 1.0
        for schedule in ("linear", "squaredcos_cap_v2"):
            yield {"_class_name": NAMES[name][0], "beta_schedule": schedule}, None, 6, 1.0
            yield {"_class_name": NAMES[name][0], "beta_schedule": schedule}, None, 25, 1.0
        yield {"_class_name": NAMES[name][0], "num_train_timesteps": 100, "steps_offset": 2,
               "trained_betas": [round(0.001 + 0.0002 * i, 6) for i in range(100)]}, None, 9, 1.0
        yield {"_class_name": NAMES[name][0]}, None, 61, 1.0
        yield {"_class_name": NAMES[name][0], "timestep_spacing": "trailing"}, None, 61, 1.0
        yield {"_class_name": NAMES[name][0], "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
               "prediction_type": "v_prediction"}, None, 10, 1.0
        yield {"_class_name": NAMES[name][0], "thresholding": True, "sample_max_value": 1.5,
               "dynamic_thresholding_ratio": 0.9}, None, 6, 1.0
        yield {"_class_name": NAMES[name][0], "clip_sample": True, "clip_sample_range": 1.25}, None, 6, 1.0
    yield from particular_cases()
    yield from pipeline_cases()


def pipeline_cases():
    for class_name in ("DDIMScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler", "LCMScheduler"):
        for said in ({}, {"steps_offset": 0, "clip_sample": True}, {"steps_offset": 1, "clip_sample": False}):
            for name in (None, "ddim", "heun", "dpmpp_2m"):
                config = dict(SD, _class_name=class_name, timestep_spacing="leading", **said)
                yield config, name, 6, 1.0, "sd"
    for steps, strength in ((4, 0.5), (4, 0.3), (7, 0.83), (3, 1.0)):
        yield dict(SD, _class_name="LCMScheduler"), None, steps, strength, "lcm"


def particular_cases():
    def of(class_name, **fields):
        return dict(SD, _class_name=class_name, **fields)

    for one in (True, False):
        for class_name in ("DDIMScheduler", "PNDMScheduler", "LCMScheduler"):
            yield of(class_name, set_alpha_to_one=one, steps_offset=1), None, 5, 1.0
    for steps, strength in ((4, 1.0), (5, 1.0), (20, 1.0), (40, 0.8)):
        for prediction in ("epsilon", "v_prediction"):
            yield of("PNDMScheduler", skip_prk_steps=False, prediction_type=prediction), None, steps, strength
    euler = "EulerDiscreteScheduler"
    for final in ("zero", "sigma_min"):
        for interpolation in ("linear", "log_linear"):
            yield of(euler, final_sigmas_type=final, interpolation_type=interpolation), None, 6, 1.0
    yield of(euler, timestep_type="continuous", prediction_type="v_prediction", use_karras_sigmas=True,
             sigma_min=0.002, sigma_max=700.0), None, 8, 1.0
    yield of(euler, timestep_type="continuous"), None, 8, 1.0
    for class_name in (euler, "HeunDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler",
                       "DEISMultistepScheduler"):
        for word in ("karras", "exponential", "beta"):
            fields = {f"use_{word}_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0}
            yield of(class_name, **fields), None, 8, 1.0
    yield of("LMSDiscreteScheduler", use_karras_sigmas=True, sigma_min=0.05, sigma_max=10.0), None, 8, 1.0
    dpm = "DPMSolverMultistepScheduler"
    for algorithm in ("dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"):
        for order in (1, 2, 3):
            for solver in ("midpoint", "heun"):
                for prediction in ("epsilon", "v_prediction", "sample"):
                    yield of(dpm, algorithm_type=algorithm, solver_order=order, solver_type=solver,
                             prediction_type=prediction, final_sigmas_type="sigma_min"), None, 6, 1.0
                yield of(dpm, algorithm_type=algorithm, solver_order=order, solver_type=solver), None, 17, 1.0
        for fields in ({"euler_at_final": True}, {"lower_order_final": False}, {"thresholding": True}):
            for steps in (6, 16):
                yield of(dpm, algorithm_type=algorithm, final_sigmas_type="sigma_min", **fields), None, steps, 1.0
    yield of(dpm, beta_schedule="squaredcos_cap_v2", use_karras_sigmas=True), None, 10, 1.0
    unipc = "UniPCMultistepScheduler"
    for order in (1, 2, 3):
        for solver in ("bh1", "bh2"):
            for predict_x0 in (True, False):
                for prediction in ("epsilon", "v_prediction", "sample"):
                    yield of(unipc, solver_order=order, solver_type=solver, predict_x0=predict_x0,
                             prediction_type=prediction, final_sigmas_type="sigma_min"), None, 6, 1.0
        yield of(unipc, solver_order=order), None, 17, 1.0
        yield of(unipc, solver_order=order, lower_order_final=False, final_sigmas_type="sigma_min"), None, 8, 1.0
        yield of(unipc, solver_order=order, disable_corrector=[0, 2]), None, 8, 1.0
    for order in (1, 2, 3):
        for steps in (6, 16, 30):
            for lower in (True, False):
                yield of("DEISMultistepScheduler", solver_order=order, lower_order_final=lower), None, steps, 1.0
    yield of("LCMScheduler", original_inference_steps=100, timestep_scaling=3.0), None, 7, 1.0
    yield of("LCMScheduler", original_inference_steps=30), None, 8, 0.5


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    out_dir = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "../golden/samplers")
    out_dir.mkdir(parents=True, exist_ok=True)
    index, floats, left_out, seen = [], [], [], set()
    for config, name, steps, strength, *pipeline in cases():
        pipeline = pipeline[0] if pipeline else ""
        key = json.dumps([config, name, steps, strength, pipeline])
        if key in seen:
            continue
        seen.add(key)
        try:
            result = run(config, name, steps, strength, pipeline)
        except Exception as error:  # what diffusers itself cannot do has no golden
            left_out.append((config["_class_name"], name, steps, strength, str(error)[:90]))
            continue
        parts = [result[k].numpy().astype("<f4").reshape(-1) for k in ("timesteps", "sigmas", "init_noise_sigma",
                                                                       "latents")]
        index.append({"config": config, "sampler": name, "steps": steps, "strength": strength,
                      "pipeline": pipeline, "begin": result["begin"], "n_timesteps": len(parts[0]), "n_sigmas": len(parts[1]),
                      "n_latents": len(parts[3])})
        floats += parts
    text = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in index) + "\n]\n"
    (out_dir / "cases.json").write_text(text)
    np.concatenate(floats).tofile(out_dir / "cases.f32")
    print(f"{len(index)} cases, {sum(map(len, floats)) * 4} bytes")
    for line in left_out:
        print("diffusers fails:", *line)


if __name__ == "__main__":
    main()
