/* job_check.c - see job_check.h. */
#include "job_check.h"

atl_status job_check(atl_rules *rules, const atl_job *job, atl_note *note)
{
    const atl_request request = {
        .prompt = job->prompt,
        .negative_prompt = job->negative_prompt,
        .seed = job->seed,
        .n_steps = job->n_steps,
        .guidance_scale = job->guidance_scale,
        .width = job->width,
        .height = job->height,
        .sampler = job->sampler,
        .clip_skip = job->clip_skip,
        .strength = job->strength,
        .guidance_from = job->guidance_from,
        .guidance_until = job->guidance_until,
        .deep_cache = job->deep_cache,
        .merge_tokens = job->merge_tokens,
    };
    return atl_rules_check(rules, &request, job->init_image && job->init_image[0], note);
}
