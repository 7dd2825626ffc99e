/* executor_signs.c - what workers show rather than say: that they live, and how far they are.
 *
 * A worker writes its signs of life on its desk (schemas/desk.h), and wakes nobody. They are looked at when a
 * worker would otherwise be doubted, and, for whoever wants to see steps, every now and then. */
#include "base/clock.h"
#include "executor_private.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A time on a desk by dispatch's clock; none that is still to come. */
static int64_t dispatch_time(const atl_executor *x, int64_t at_ns, int64_t then_lost_ns)
{
    return at_ns > 0 ? earlier(at_ns - x->lost_ns + then_lost_ns, atl_pool_now_ns(x)) : 0;
}

void atl_pool_look(atl_executor *x, int64_t then_lost_ns)
{
    for (uint32_t w = 0; w < (uint32_t)x->plan.n_workers; w++) {
        atl_pool_worker *worker = &x->workers[w];
        if (!worker->desk || !worker->has_peer)
            continue;
        const atl_desk_life life = atl_desk_look(worker->desk, &worker->n_seen);
        const atl_event event = {.type = ATL_EV_SEEN,
                                 .worker = w,
                                 .lived_ns = dispatch_time(x, life.alive_ns, then_lost_ns),
                                 .computed_ns = dispatch_time(x, life.step_ns, then_lost_ns),
                                 .steps_ns = life.took_ns,
                                 .n_steps = life.n_took};
        if (event.lived_ns > worker->heard_ns)
            worker->heard_ns = event.lived_ns;
        atl_pool_tell(x, event);
    }
}

/* ---- steps ---- */

static bool is_painting(const atl_pool_worker *worker)
{
    return worker->desk && worker->has_peer && worker->phase == ATL_WORKER_PAINTING;
}

int64_t atl_pool_steps_deadline_ns(const atl_executor *x)
{
    for (int w = 0; x->step_every_ns > 0 && w < x->plan.n_workers; w++)
        if (is_painting(&x->workers[w]))
            return x->told_steps_ns + x->step_every_ns;
    return INT64_MAX;
}

static bool has_before_it(const atl_desk *desk, uint64_t token)
{
    uint64_t tokens[ATL_DESK_LEASES];
    for (size_t n = atl_desk_suspects(desk, tokens); n > 0; n--)
        if (tokens[n - 1] == token)
            return true;
    return false;
}

static void tell_step(atl_executor *x, uint32_t w)
{
    atl_pool_worker *worker = &x->workers[w];
    uint32_t all = 0;
    const atl_desk_life life = atl_desk_look(worker->desk, &all);
    const atl_future *future = atl_pool_find(x, worker->started_job);
    if (life.step == 0 || life.step_ns == worker->told_step_ns || !future ||
        !has_before_it(worker->desk, worker->started_token))
        return;
    worker->told_step_ns = life.step_ns;
    atl_pool_report(x, &(atl_pool_event){.type = ATL_POOL_STEP,
                                         .worker = w,
                                         .phase = ATL_WORKER_PAINTING,
                                         .index = future->result.index,
                                         .job = future->result.job,
                                         .step = life.step,
                                         .n_steps = life.n_steps,
                                         .text = ""});
}

void atl_pool_tell_steps(atl_executor *x)
{
    const int64_t now_ns = atl_clock_now_ns();
    if (now_ns < atl_pool_steps_deadline_ns(x))
        return;
    x->told_steps_ns = now_ns;
    for (uint32_t w = 0; w < (uint32_t)x->plan.n_workers; w++)
        if (is_painting(&x->workers[w]))
            tell_step(x, w);
}
