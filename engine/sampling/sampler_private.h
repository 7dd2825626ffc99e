/* sampler_private.h - what a sampler is on the inside, for the files of this folder and their tests.
 *
 * Each family (ddim.c, euler.c, …) is one `atl_sampler_kind`: a table of functions and diffusers' names.
 * sampler.c holds the list of them, opens them and forwards every public call. A family fills in its class's
 * defaults (configure), lays out timesteps and sigmas (plan), and steps.
 *
 * All arithmetic is in float, one operation at a time in the order in which diffusers writes it, because
 * that is how torch computes it: a sum rearranged is another picture in the last bit. What numpy computes in
 * double (timesteps, sigmas) is double here too. */
#ifndef ATL_SAMPLING_SAMPLER_PRIVATE_H
#define ATL_SAMPLING_SAMPLER_PRIVATE_H

#include <stddef.h>

#include "sampling/sampler.h"

#define ATL_SAMPLER_MAX_SLOTS 8
#define ATL_SAMPLER_MAX_ORDER 3

typedef struct atl_sampler_kind {
    const char *name;       /* "euler_a" */
    const char *display;    /* AUTOMATIC1111's: "Euler a" */
    const char *class_name; /* diffusers': "EulerAncestralDiscreteScheduler" */
    const char *algorithm;  /* algorithm_type that this name stands for, or NULL */
    bool stochastic;        /* every step (but perhaps the last) draws noise */
    bool respaces_sigmas;   /* knows Karras, exponential and beta sigmas */
    int order;              /* denoiser calls a step, where it is not 1: img2img starts at a multiple of it */

    /* Fills in what the file leaves out, with this class's defaults, and refuses by name what the class or
     * this program cannot do. Errors: ATL_UNSUPPORTED, ATL_USAGE. */
    atl_status (*configure)(atl_scheduler_config *config, atl_note *note);
    /* Writes timesteps, sigmas, init_noise_sigma and n_slots. alphas_cumprod is there already.
     * Errors: ATL_USAGE, ATL_UNSUPPORTED, ATL_NO_MEMORY. */
    atl_status (*plan)(atl_sampler *sampler, atl_note *note);
    /* NULL: the latent as it is. */
    void (*scale_input)(const atl_sampler *sampler, int i, const float *latent, float *out, size_t n);
    void (*add_noise)(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                      size_t n);
    void (*step)(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                 atl_draw_fn draw, void *user);
} atl_sampler_kind;

struct atl_sampler {
    const atl_sampler_kind *kind;
    atl_scheduler_config config; /* every field said; trained_betas is NULL (used up) */
    char name[40];               /* with the schedule: "dpmpp_2m_karras" */
    const char *display;
    const char *schedule_name;
    int n_steps;           /* num_inference_steps as asked */
    double strength;       /* as asked, as the decimal fraction that it was */
    bool spread;           /* all steps go into the part that strength leaves (LCM's pipeline) */
    float *alphas_cumprod; /* [config.num_train_timesteps] */
    float *timesteps;
    int n_timesteps;
    float *sigmas; /* [n_sigmas], NULL where the class has none */
    int n_sigmas;
    int begin;
    float init_noise_sigma;

    /* What steps leave for the next: n_slots arrays of n floats in one block, allocated by the first step. */
    int n_slots;
    size_t n;
    float *slots[ATL_SAMPLER_MAX_SLOTS];
    float *memory;
    int n_done;       /* steps done */
    int n_outputs;    /* multistep: outputs kept so far; PNDM: ets */
    int order;        /* UniPC: of the predictor's last step */
    bool second_call; /* Heun: this call corrects the last one */
    float dt;         /* Heun: of the step begun */
};

/* ---- settings.c: what a file left out ---- */

typedef struct atl_class_defaults {
    double beta_start, beta_end;
    atl_beta_schedule beta_schedule;
    atl_spacing spacing;
} atl_class_defaults;

/* Fills in the fields that all classes share: betas, prediction, spacing, steps_offset. */
void atl_settings_common(atl_scheduler_config *config, const atl_class_defaults *defaults);
void atl_settings_flag(atl_tristate *flag, bool value);
void atl_settings_number(double *number, double value);
/* clip_sample_range, dynamic_thresholding_ratio, sample_max_value and `thresholding` itself. */
void atl_settings_clipping(atl_scheduler_config *config, bool clip_sample);
/* Karras, exponential, beta: at most one. Errors: ATL_UNSUPPORTED. */
atl_status atl_settings_respacing(atl_scheduler_config *config, atl_note *note);
/* Errors: ATL_UNSUPPORTED: prediction_type "sample", which this class does not have. */
atl_status atl_settings_no_sample(const atl_scheduler_config *config, const char *class_name, atl_note *note);
/* solver_order (default 2), 1 to 3. Errors: ATL_UNSUPPORTED. */
atl_status atl_settings_order(atl_scheduler_config *config, const char *class_name, atl_note *note);

/* ---- schedule.c: alphas and timesteps ---- */

/* alphas_cumprod[num_train_timesteps] as torch computes them in float; free() it.
 * Errors: ATL_UNSUPPORTED (betas that leave no signal), ATL_NO_MEMORY. */
atl_status atl_schedule_alphas(const atl_scheduler_config *config, float **ret_alphas, atl_note *note);
/* Zero-SNR schedules end on 0; the classes that divide by it set 2^-24 there, as diffusers does. */
void atl_schedule_lift_last_alpha(atl_sampler *sampler);

typedef struct atl_spacing_plan {
    int n_steps;
    int n_points; /* n_steps, or n_steps + 1 (multistep classes, which leave the last point out) */
    int last;     /* timesteps lie below this one: num_train_timesteps */
    bool rounded; /* linspace gives whole numbers */
} atl_spacing_plan;

/* Allocates and writes sampler->timesteps, descending, as timestep_spacing says. Trailing spacing gives one
 * more than was asked for at some counts: so does numpy. Errors: ATL_NO_MEMORY. */
atl_status atl_schedule_timesteps(atl_sampler *sampler, const atl_spacing_plan *plan);
/* Errors: ATL_USAGE: a timestep that is no index of alphas_cumprod (too many steps with an offset). */
atl_status atl_schedule_check_timesteps(const atl_sampler *sampler, atl_note *note);
/* alphas_cumprod at a timestep; below 0 it counts from the end, as in Python. */
float atl_schedule_alpha(const atl_sampler *sampler, int timestep);
/* The alpha that follows the last step: 1 or alphas_cumprod[0] (set_alpha_to_one). */
float atl_schedule_alpha_before(const atl_sampler *sampler, int timestep);
/* torch.linspace in float, element i of n. */
float atl_linspace_f32(float start, float end, int n, int i);

/* ---- sigmas.c ---- */

typedef enum atl_final_sigma { ATL_FINAL_ZERO, ATL_FINAL_TRAINED_MIN, ATL_FINAL_REPEAT } atl_final_sigma;

typedef struct atl_sigma_plan {
    int n_steps;
    bool from_schedule; /* Karras & co. start from the sigmas of the timesteps (Euler, Heun); else from all */
    bool round_karras;  /* timesteps of Karras sigmas are whole numbers */
    bool whole;         /* timesteps are cut to whole numbers at the end (int64) */
    atl_final_sigma plain, respaced; /* the last sigma without and with respacing */
} atl_sigma_plan;

/* Allocates and writes sampler->sigmas for sampler->timesteps, which respacing changes.
 * Errors: ATL_UNSUPPORTED, ATL_NO_MEMORY. */
atl_status atl_sigmas_plan(atl_sampler *sampler, const atl_sigma_plan *plan, atl_note *note);
/* 1 for classes that scale noise alone, √(σ²+1) where leading spacing misses the last timestep. */
float atl_sigmas_init_noise(const atl_sampler *sampler);
/* ln x as numpy's vector loops compute it in float; x > 0, normal. */
float atl_numpy_log(float x);
/* The p-quantile of the Beta(0.6, 0.6) distribution. */
double atl_beta_quantile(double p);

/* ---- denoised.c: shared by all ---- */

/* The diffusion process at σ as a variance-preserving one: α = 1/√(σ²+1), σ·α, and λ = ln α − ln σ·α. */
typedef struct atl_noise_level {
    float alpha, sigma, lambda;
} atl_noise_level;
atl_noise_level atl_noise_level_of(float sigma);

/* Predicted clean sample in x0[n] (which may be model_output) from a model output at (alpha, sigma):
 * epsilon, v or sample as the config says. */
void atl_denoised(const atl_sampler *sampler, float alpha, float sigma, const float *latent,
                  const float *model_output, float *x0, size_t n);
/* Likewise the noise that goes with it, of x0 as it is predicted: neither clipped nor thresholded. */
void atl_predicted_noise(const atl_sampler *sampler, float alpha, float sigma, const float *latent,
                         const float *model_output, float *noise, size_t n);
/* Clips or thresholds x0 in place as the config says; scratch[n] is used by thresholding. */
void atl_denoised_clip(const atl_sampler *sampler, float *x0, float *scratch, size_t n);
void atl_denoised_threshold(const atl_sampler *sampler, float *x0, float *scratch, size_t n);

/* add_noise and scale_input of the classes that work on ᾱ, on σ, and on (α, σ) of a σ. */
void atl_add_noise_alpha(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n);
void atl_add_noise_sigma(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n);
void atl_add_noise_level(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                         size_t n);
void atl_scale_input_sigma(const atl_sampler *sampler, int i, const float *latent, float *out, size_t n);

/* The multistep classes' memory: slots[0 … order-1], the newest output last. Makes room for a new newest by
 * dropping the oldest, and returns it. */
float *atl_outputs_shift(atl_sampler *sampler, int order);

/* ---- exploding.c: latents that are clean + σ · noise ---- */

/* Timesteps, sigmas and init_noise_sigma of Euler, Heun and LMS; the last sigma is 0 or the least trained
 * one. Errors: as atl_sigmas_plan. */
atl_status atl_exploding_plan(atl_sampler *sampler, bool zero_at_end, atl_note *note);

/* A noise level, and what v prediction makes of it: clean = v_output · output + latent / v_divisor. */
typedef struct atl_exploding {
    atl_prediction type;
    float sigma, v_output, v_divisor;
} atl_exploding;
atl_exploding atl_exploding_at(const atl_sampler *sampler, float sigma);
/* One element of the clean latent. */
float atl_exploding_clean(const atl_exploding *at, float latent, float output);

/* ---- multistep.c ---- */

typedef struct atl_multistep_rules {
    bool round_karras;
    atl_final_sigma plain, respaced;
} atl_multistep_rules;

/* Timesteps, sigmas and init_noise_sigma of latents that are α · clean + σ·α · noise. Errors: as
 * atl_sigmas_plan's. */
atl_status atl_multistep_plan(atl_sampler *sampler, const atl_multistep_rules *rules, atl_note *note);
/* Whether the last steps are taken at a lower order: asked for, and fewer than 15 steps. */
bool atl_multistep_few(const atl_sampler *sampler);
/* The order of step i of DPM-Solver and DEIS: 1 where told, else as many outputs as there are up to
 * solver_order. To be asked before n_outputs counts this step's. */
int atl_multistep_order(const atl_sampler *sampler, int i, bool first_order);

/* ---- the families ---- */

extern const atl_sampler_kind atl_sampler_ddim, atl_sampler_pndm, atl_sampler_euler, atl_sampler_euler_a,
    atl_sampler_heun, atl_sampler_lms, atl_sampler_dpmpp_2m, atl_sampler_dpmpp_2m_sde, atl_sampler_unipc,
    atl_sampler_lcm, atl_sampler_deis;

#endif
