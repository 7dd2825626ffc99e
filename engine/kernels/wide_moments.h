/* wide_moments.h - moments of some rows, and how they join those of rows before, written once over a vector;
 * see moments_rows in kernels_list.h and wide.h. Apart from wide_rows.h because amx_finishing.c sums, too,
 * and has to come to the same bits. */
#ifndef ATL_KERNELS_WIDE_MOMENTS_H
#define ATL_KERNELS_WIDE_MOMENTS_H

/* Of a vector's columns: the first row, about which is summed, Σ(x - p) and Σ(x - p)². */
typedef struct moments {
    vec pivot, sum, sum_sq;
} moments;

static inline moments moments_from(vec first)
{
    return (moments){.pivot = first, .sum = v_set(0.0f), .sum_sq = v_set(0.0f)};
}

static inline void moments_add(moments *all, vec x)
{
    const vec d = v_sub(x, all->pivot);
    all->sum = v_add(all->sum, d);
    all->sum_sq = v_fma(d, d, all->sum_sq);
}

/* What m rows after `before` others weigh. */
typedef struct joining {
    bool first;
    vec share, of_mean, of_squares; /* 1/m, m/(before + m), before·m/(before + m) */
} joining;

static inline joining joining_of(int before, int m)
{
    const float part = (float)m / (float)(before + m);
    return (joining){.first = before == 0,
                     .share = v_set(1.0f / (float)m),
                     .of_mean = v_set(part),
                     .of_squares = v_set((float)before * part)};
}

/* mean and squares, which are not looked at if there was nothing before, become those of all rows. */
static inline void moments_join(const moments *some, const joining *j, vec *mean, vec *squares)
{
    const vec d = v_mul(some->sum, j->share), own_mean = v_add(some->pivot, d);
    const vec own_squares = v_fnma(some->sum, d, some->sum_sq), apart = v_sub(own_mean, *mean);
    if (j->first) {
        *mean = own_mean;
        *squares = own_squares;
        return;
    }
    *mean = v_fma(apart, j->of_mean, *mean);
    *squares = v_add(*squares, v_fma(v_mul(apart, apart), j->of_squares, own_squares));
}

#endif
