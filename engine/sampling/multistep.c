/* multistep.c - what DPM-Solver, UniPC and DEIS share: their timesteps, one point more finely spaced than
 * asked and without the last, and when the order is lowered near the end. */
#include "sampling/sampler_private.h"

atl_status atl_multistep_plan(atl_sampler *sampler, const atl_multistep_rules *rules, atl_note *note)
{
    atl_spacing_plan spacing = {sampler->n_steps, sampler->n_steps + 1, sampler->config.num_train_timesteps,
                                true};
    atl_sigma_plan sigmas = {.n_steps = sampler->n_steps,
                             .round_karras = rules->round_karras,
                             .whole = true,
                             .plain = rules->plain,
                             .respaced = rules->respaced};
    sampler->init_noise_sigma = 1.0f;
    atl_status st = atl_schedule_timesteps(sampler, &spacing);
    return st == ATL_OK ? atl_sigmas_plan(sampler, &sigmas, note) : st;
}

bool atl_multistep_few(const atl_sampler *sampler)
{
    return sampler->config.lower_order_final == ATL_YES && sampler->n_timesteps < 15;
}

int atl_multistep_order(const atl_sampler *sampler, int i, bool first_order)
{
    int order = sampler->config.solver_order;
    bool second_last = i == sampler->n_timesteps - 2 && atl_multistep_few(sampler);
    if (order == 1 || sampler->n_outputs < 1 || first_order)
        return 1;
    return order == 2 || sampler->n_outputs < 2 || second_last ? 2 : 3;
}
