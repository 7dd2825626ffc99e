"""Which pictures every checkpoint paints. The keys are `atelier paint`'s options."""

from prompts import LONG

FOX = "a red fox in the snow under a pale moon"
SHIP = "Oil painting of the OLD harbour in the evening light, golden dust; 35 mm"
BAD = "blurry low quality watermark text"


def case(prompt=FOX, width=40, height=56, steps=4, guidance_scale=7.5, seed=42, **more):
    return {
        "prompt": prompt,
        "width": width,
        "height": height,
        "steps": steps,
        "guidance_scale": guidance_scale,
        "seed": seed,
        **more,
    }


def with_init(strength, width=56, height=40, **more):
    return case(width=width, height=height, init_image=f"init_{width}x{height}.png", strength=strength, **more)


CASES = {
    "sd1": {
        "own_4": case(width=72, height=96, negative_prompt=BAD),
        "own_20": case(SHIP, width=72, height=96, steps=20, negative_prompt=BAD),
        "guidance_0": case(guidance_scale=0.0),
        "guidance_1": case(guidance_scale=1.0, sampler="euler"),
        "empty_prompt": case("", sampler="ddim", seed=7),
        "one_step": case(steps=1, sampler="euler"),
        "clip_skip_2": case(SHIP, clip_skip=2, sampler="euler"),
        "clip_skip_3": case(SHIP, clip_skip=3, sampler="ddim", negative_prompt=BAD),
        "ddim_20": case(steps=20, sampler="ddim"),
        "euler_20": case(steps=20, sampler="euler", width=64, height=64),
        "euler_a_4": case(sampler="euler_a", negative_prompt=BAD),
        "euler_a_20": case(steps=20, sampler="euler_a", width=48, height=40),
        "heun_4": case(sampler="heun"),
        "heun_20": case(steps=20, sampler="heun"),
        "dpmpp_2m_4": case(sampler="dpmpp_2m"),
        "dpmpp_2m_20": case(steps=20, sampler="dpmpp_2m"),
        "dpmpp_2m_karras_20": case(SHIP, steps=20, sampler="dpmpp_2m_karras"),
        "dpmpp_2m_sde_4": case(sampler="dpmpp_2m_sde"),
        "dpmpp_2m_sde_karras_20": case(steps=20, sampler="dpmpp_2m_sde_karras", width=48, height=40),
        "unipc_4": case(sampler="unipc"),
        "unipc_20": case(SHIP, steps=20, sampler="unipc"),
        "deis_4": case(sampler="deis"),
        "deis_20": case(steps=20, sampler="deis"),
        "lcm_4": case(sampler="lcm", guidance_scale=1.5),
        "weights": case(
            "a (red:1.4) fox in [snow] and ((moon",
            sampler="euler",
            pieces=[[("a", 1.0), ("red", 1.4), ("fox in", 1.0), ("snow", 1 / 1.1), ("and", 1.0), ("moon", 1.21)]],
        ),
        "break": case("a red fox BREAK the moon", sampler="euler", pieces=[[("a red fox", 1.0), ("", None), ("the moon", 1.0)]]),
        "long": case(LONG, sampler="euler", negative_prompt=BAD, pieces=[[(LONG, 1.0)]]),
        "switch": case(
            "a [red:green:2] fox",
            steps=5,
            sampler="euler",
            pieces=2 * [[("a red fox", 1.0)]] + 3 * [[("a green fox", 1.0)]],
        ),
        "alternate": case(
            "a [red|green] (fox:0.8)",
            sampler="euler",
            pieces=2 * [[("a red", 1.0), ("fox", 0.8)], [("a green", 1.0), ("fox", 0.8)]],
        ),
        "img2img_own": with_init(0.75, width=80, height=56, steps=8, negative_prompt=BAD),
        "img2img_ddim_20": with_init(0.5, steps=20, sampler="ddim"),
        "img2img_euler_whole": with_init(1.0, steps=4, sampler="euler"),
        "img2img_euler_a": with_init(0.6, steps=5, sampler="euler_a"),
        "img2img_dpmpp_2m": with_init(0.3, steps=20, sampler="dpmpp_2m"),
        "img2img_heun": with_init(0.6, steps=5, sampler="heun"),
        "img2img_unipc": with_init(0.7, steps=6, sampler="unipc"),
    },
    "sd1_old": {"own_4": case(width=16, height=24)},
    "sd2": {
        "own_4": case(width=72, height=48, negative_prompt=BAD),
        "own_20": case(SHIP + "!", width=40, height=48, steps=20, guidance_scale=5.0),
        "euler_4": case(sampler="euler", width=40, height=48),
        "dpmpp_2m_20": case(sampler="dpmpp_2m", steps=20, width=40, height=48),
        "unipc_4": case(sampler="unipc", width=40, height=48),
        "pndm_4": case(sampler="pndm", width=40, height=48),
        "clip_skip_2": case(clip_skip=2, width=40, height=48),
        "img2img": with_init(0.6, width=48, height=40, steps=6),
    },
    "sdturbo": {
        "own_1": case(steps=1, guidance_scale=0.0),
        "own_4": case(SHIP, steps=4, guidance_scale=0.0),
        "euler_a_4": case(steps=4, guidance_scale=0.0, sampler="euler_a"),
        "img2img": with_init(0.5, steps=2, guidance_scale=0.0),
    },
    "lcm": {
        "own_4": case(guidance_scale=8.5),
        "own_8": case(SHIP, steps=8, guidance_scale=1.0, width=48, height=40),
        "own_1": case(steps=1, guidance_scale=4.0),
        "img2img": with_init(0.5, steps=4, guidance_scale=8.5),
    },
    "sdxs": {
        "own_1": case(steps=1, guidance_scale=0.0),
        "own_4": case(SHIP, guidance_scale=1.0),
        "dpmpp_2m_20": case(steps=20, sampler="dpmpp_2m", negative_prompt=BAD),
        "img2img": with_init(0.6, steps=5),
    },
    "sdxl": {
        "own_4": case(width=72, height=96, negative_prompt=BAD, guidance_scale=5.0),
        "own_20": case(SHIP + "!", steps=20, guidance_scale=5.0),
        "dpmpp_2m_karras_20": case(steps=20, sampler="dpmpp_2m_karras"),
        "no_guidance": case(guidance_scale=1.0, sampler="ddim"),
        "img2img": with_init(0.5, steps=8, negative_prompt=BAD),
    },
    "sdxlturbo": {
        "own_1": case(steps=1, guidance_scale=0.0, width=40, height=48),
        "own_4": case(SHIP, guidance_scale=0.0, width=40, height=48),
        "img2img": with_init(0.5, steps=4, guidance_scale=0.0, width=48, height=40),
    },
    "odd_layers": {
        "own_4": case(width=24, height=40, negative_prompt=BAD),
        "euler_4": case(width=24, height=40, sampler="euler"),
        "pndm_4": case(width=24, height=40, sampler="pndm"),
        "dpmpp_2m_4": case(width=24, height=40, sampler="dpmpp_2m"),
        "heun_4": case(width=24, height=40, sampler="heun"),
    },
    "odd_scales": {"own_20": case(SHIP, width=24, height=40, steps=20)},
    "sdxl_file": {"own_4": case(width=24, height=16, guidance_scale=5.0, sampler="euler")},
}
