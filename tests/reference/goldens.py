"""What diffusers computes with a checkpoint, as the inputs and outputs of `atelier model probe`.

Each case is a pair of files NAME.in.safetensors and NAME.out.safetensors. A pipeline is the real one: only its
random numbers and the scheduler's steps are listened to."""

import functools
import os
import sys

import numpy
import prompts
import torch
from diffusers import (
    DDIMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LatentConsistencyModelImg2ImgPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UniPCMultistepScheduler,
)
from PIL import Image
from safetensors.torch import save_file

SAMPLERS = {
    "ddim": (DDIMScheduler, {}),
    "pndm": (PNDMScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2m_sde_karras": (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "deis": (DEISMultistepScheduler, {}),
}

PIPELINES = {
    "StableDiffusionPipeline": (StableDiffusionPipeline, StableDiffusionImg2ImgPipeline),
    "StableDiffusionXLPipeline": (StableDiffusionXLPipeline, StableDiffusionXLImg2ImgPipeline),
    "LatentConsistencyModelPipeline": (LatentConsistencyModelPipeline, LatentConsistencyModelImg2ImgPipeline),
}

PROMPTS = [
    "a red fox in the snow under a pale moon",
    "oil painting of the old harbour, sharp focus! 4k (studio)",
    "",
]


def generator(seed):
    return torch.Generator().manual_seed(seed)


def normal(seed, *shape):
    return torch.randn(shape, generator=generator(seed))


def save(path, tensors):
    save_file({name: value.detach().contiguous().clone() for name, value in tensors.items()}, path)


# ---- components ----


def encode_text(pipe, prompts, which):
    tokenizer = pipe.tokenizer if which == 0 else pipe.tokenizer_2
    encoder = pipe.text_encoder if which == 0 else pipe.text_encoder_2
    ids = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return ids, encoder(ids, output_hidden_states=True)


def text_case(pipe, whole):
    """A batch, with one prompt that holds the padding token; all hidden states, or the last two."""
    inputs, outputs = {}, {}
    for which in range(2 if getattr(pipe, "text_encoder_2", None) is not None else 1):
        tail = ("", "_2")[which]
        ids, out = encode_text(pipe, PROMPTS if whole else PROMPTS[1:2], which)
        inputs["ids" + tail] = ids.to(torch.int64)
        outputs["last_hidden_state" + tail] = out.last_hidden_state
        outputs["pooled" + tail] = out.text_embeds if "text_embeds" in out else out.pooler_output
        for i, hidden in enumerate(out.hidden_states):
            if whole or i >= len(out.hidden_states) - 2:
                outputs[f"hidden_states{tail}.{i}"] = hidden
    return inputs, outputs


def unet_case(pipe, seed, n, h, w, timestep, n_tokens=77):
    config = pipe.unet.config
    context = config.encoder_hid_dim or config.cross_attention_dim
    context = context if isinstance(context, int) else context[0]
    inputs = {
        "sample": normal(seed, n, config.in_channels, h, w),
        "timestep": torch.tensor([timestep]),
        "encoder_hidden_states": normal(seed + 1, n, n_tokens, context),
    }
    more = {}
    if config.time_cond_proj_dim:
        inputs["timestep_cond"] = more["timestep_cond"] = normal(seed + 2, n, config.time_cond_proj_dim)
    if config.addition_embed_type == "text_time":
        width = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        inputs["text_embeds"] = normal(seed + 3, n, width)
        inputs["time_ids"] = torch.tensor([[96.0, 72, 0, 0, 96, 72], [1024, 512, 8, 16, 512, 768]] * 2)[:n]
        more["added_cond_kwargs"] = {key: inputs[key] for key in ("text_embeds", "time_ids")}
    timestep = inputs["timestep"][0]
    out = pipe.unet(inputs["sample"], timestep, inputs["encoder_hidden_states"], **more).sample
    return inputs, {"out": out}


def decode_case(pipe, seed, n, h, w, scale):
    latent = scale * normal(seed, n, 4, h, w)
    return {"latent": latent}, {"image": pipe.vae.decode(latent).sample}


def encode_case(pipe, seed, n, h, w):
    image = (0.6 * normal(seed, n, 3, h, w)).clamp(-1, 1)
    encoded = pipe.vae.encode(image)
    if "latents" in encoded:
        return {"image": image}, {"latents": encoded.latents}
    return {"image": image}, {"moments": encoded.latent_dist.parameters}


def component_cases(pipe, extent):
    """name → (inputs, outputs). `extent`: "brief" (one of each), "usual", or "whole"."""
    factor = pipe.vae_scale_factor
    cases = {
        "text_encoder": text_case(pipe, extent == "whole"),
        "unet_1x9x7": unet_case(pipe, 1, 1, 9, 7, 981.0),
        "vae_decode_1x5x7": decode_case(pipe, 4, 1, 5, 7, 0.3),
        "vae_encode_1": encode_case(pipe, 6, 1, 5 * factor, 7 * factor),
    }
    if extent == "brief":
        return cases
    return {
        **cases,
        "unet_2x12x16": unet_case(pipe, 2, 2, 12, 16, 499.5, 154 if extent == "whole" else 33),
        "unet_3x8x8": unet_case(pipe, 3, 3, 8, 8, 1.0, 10),
        "vae_decode_2x6x4": decode_case(pipe, 5, 2, 6, 4, 5.0),
        "vae_encode_2": encode_case(pipe, 7, 2, 3 * factor, 4 * factor),
    }


# ---- pipelines ----


class Listener:
    """Hears every draw of random numbers and every step of the scheduler while a pipeline runs."""

    def __init__(self, scheduler, nudge):
        self.scheduler, self.nudge = scheduler, nudge
        self.draws, self.timesteps, self.outputs, self.latents = [], [], [], []

    def __enter__(self):
        self.patched = []
        for name, module in list(sys.modules.items()):
            if name.startswith("diffusers.") and "randn_tensor" in vars(module):
                original = module.randn_tensor
                self.patched.append((module, original))
                module.randn_tensor = self.drawing(original, len(self.patched))
        self.step = self.scheduler.step
        self.scheduler.step = self.stepping(self.step)
        return self

    def __exit__(self, *what):
        for module, original in self.patched:
            module.randn_tensor = original
        del self.scheduler.step

    def drawing(self, original, seed):
        @functools.wraps(original)
        def draw(*args, **kwargs):
            noise = original(*args, **kwargs)
            self.draws.append(noise.clone())
            return noise * (1 + self.nudge * normal(seed, *noise.shape)) if self.nudge else noise

        return draw

    def stepping(self, original):
        @functools.wraps(original)
        def step(model_output, timestep, sample, *args, **kwargs):
            self.timesteps.append(float(timestep))
            self.outputs.append(model_output.clone())
            result = original(model_output, timestep, sample, *args, **kwargs)
            self.latents.append(result[0].clone())
            return result

        return step


def smooth_picture(width, height):
    """Something to begin img2img from: waves and a little noise."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    waves = [numpy.sin(x / 9 + c) * numpy.cos(y / 7 - c) for c in range(3)]
    noise = normal(99, height, width, 3).numpy()
    return (127.5 + 90 * numpy.stack(waves, -1) + 12 * noise).clip(0, 255).round().astype(numpy.uint8)


def pipeline_arguments(case, image2image):
    arguments = {
        "prompt": case["prompt"],
        "num_inference_steps": case["steps"],
        "guidance_scale": case["guidance_scale"],
        "generator": generator(case["seed"]),
        "output_type": "pil",
    }
    if "negative_prompt" in case:
        arguments["negative_prompt"] = case["negative_prompt"]
    if case.get("clip_skip", 1) > 1:
        arguments["clip_skip"] = case["clip_skip"] - 1  # diffusers counts the layers that are left out
    if image2image:
        arguments["image"] = Image.fromarray(smooth_picture(case["width"], case["height"]))
        arguments["strength"] = case["strength"]
    else:
        arguments.update(width=case["width"], height=case["height"])
    return arguments


def run_pipeline(pipe, case, nudge=0.0):
    """(uint8 picture [h][w][3], listener)."""
    image2image = "init_image" in case
    text_to_image, image_to_image = PIPELINES[type(pipe).__name__]
    cls = image_to_image if image2image else text_to_image
    parts = {name: part for name, part in pipe.components.items() if name in cls._get_signature_keys(cls)[0]}
    parts["scheduler"] = type(pipe.scheduler).from_config(pipe.scheduler.config)
    flags = {"requires_safety_checker": False} if "safety_checker" in parts else {}
    if "XL" in cls.__name__:
        flags = {
            "force_zeros_for_empty_prompt": pipe.config.force_zeros_for_empty_prompt,
            "add_watermarker": False,
        }
    runner = cls(**parts, **flags)
    runner.set_progress_bar_config(disable=True)
    if case.get("sampler"):  # put in afterwards, as people do: the pipeline mends only what it is made with
        scheduler, options = SAMPLERS[case["sampler"]]
        runner.scheduler = scheduler.from_config(runner.scheduler.config, **options)
    arguments = pipeline_arguments(case, image2image)
    if "pieces" in case:
        each = prompts.embeddings(pipe, case)

        def next_embeddings(_, step, timestep, tensors):
            after = each[min(step + 1, len(each) - 1)]
            return {"prompt_embeds": torch.cat([after[1], after[0]])}

        for word in ("prompt", "negative_prompt"):
            arguments.pop(word, None)
        arguments.update(prompt_embeds=each[0][0], negative_prompt_embeds=each[0][1])
        arguments.update(callback_on_step_end=next_embeddings)
        arguments.update(callback_on_step_end_tensor_inputs=["prompt_embeds"])
    with Listener(runner.scheduler, nudge) as heard:
        picture = runner(**arguments).images[0]
    return numpy.array(picture), heard, runner.scheduler


def pipeline_case(pipe, case):
    picture, heard, scheduler = run_pipeline(pipe, case)
    draws = list(heard.draws)
    inputs = {}
    if "init_image" in case and hasattr(pipe.vae.config, "scaling_factor") and "Tiny" not in type(pipe.vae).__name__:
        inputs["posterior_noise"] = draws.pop(0)
    inputs["latents"] = draws.pop(0)
    inputs.update({f"noise.{k}": noise for k, noise in enumerate(draws)})
    outputs = {"timesteps": torch.tensor(heard.timesteps), "image": torch.from_numpy(picture)}
    if hasattr(scheduler, "sigmas"):
        outputs["sigmas"] = scheduler.sigmas.float()
    n = len(heard.latents)
    kept = range(n) if n <= 9 else sorted({0, n // 3, 2 * n // 3, n - 1})
    for i in kept:
        outputs[f"latents.{i}"] = heard.latents[i]
        outputs[f"model_output.{i}"] = heard.outputs[i]
    return inputs, outputs


def write_pipeline_image(folder, case):
    if "init_image" in case:
        path = os.path.join(folder, case["init_image"])
        Image.fromarray(smooth_picture(case["width"], case["height"])).save(path)
