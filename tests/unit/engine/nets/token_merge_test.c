/* token_merge_test.c - what is merged, against the definition in plain C; see token_merge.h. */
#include "nets_fixture.h"

#include "nets/token_merge.h"

typedef struct trial {
    fixture f;
    atl_map x, merged;
    atl_token_merge plan;
} trial;

static void trial_init(trial *t, const atl_map *x, int h, int w, float ratio, int n_threads)
{
    *t = (trial){.x = *x};
    fixture_init(&t->f, atl_cpu_flags(), n_threads);
    atl_token_merge_plan(&t->f.bench, x, h, w, ratio, &t->plan);
    t->merged = atl_map_take(&t->f.bench, x->dtype, x->n, 1, t->plan.n_kept, x->c);
    atl_token_merge_in(&t->f.bench, &t->plan, x, &t->merged);
}

static void trial_done(trial *t)
{
    atl_arena_release(&t->f.arena, 0);
    fixture_done(&t->f);
}

static const float *token_of(const atl_map *x, int picture, int token)
{
    return atl_map_f32(x) + ((size_t)picture * (size_t)x->w + (size_t)token) * x->stride;
}

static double cosine(const float *a, const float *b, int c)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < c; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* The group of each token by the definition: its destination, or itself. */
static void group_plainly(const atl_map *x, int picture, int h, int w, int n_merged, int *group)
{
    const int n = h * w;
    double *best = malloc((size_t)n * sizeof *best);
    int *target = malloc((size_t)n * sizeof *target);
    assert_true(best && target);
    for (int i = 0; i < n; i++) {
        best[i] = -2;
        for (int y = 0; y < h; y += 2)
            for (int k = 0; k < w; k += 2) {
                const double score = cosine(token_of(x, picture, i), token_of(x, picture, y * w + k), x->c);
                if (score > best[i]) {
                    best[i] = score;
                    target[i] = y * w + k;
                }
            }
        group[i] = i;
        if (i / w % 2 == 0 && i % w % 2 == 0)
            best[i] = -3; /* a destination is merged into none */
    }
    for (int k = 0; k < n_merged; k++) {
        int most = 0;
        for (int i = 1; i < n; i++)
            if (best[i] > best[most])
                most = i;
        group[most] = target[most];
        best[most] = -3;
    }
    free(best);
    free(target);
}

static void check_means(const trial *t, int picture, const int *group)
{
    const int n = t->x.w;
    for (int i = 0; i < n; i++) {
        const int row = t->plan.row[picture * n + i];
        const float *mean = token_of(&t->merged, picture, row);
        for (int c = 0; c < t->x.c; c++) {
            double sum = 0;
            int count = 0;
            for (int k = 0; k < n; k++)
                if (group[k] == group[i]) {
                    sum += (double)token_of(&t->x, picture, k)[c];
                    count++;
                }
            assert_true(fabs(sum / count - (double)mean[c]) < 1e-5);
        }
    }
}

static void the_most_alike_are_merged_as_the_definition_says(void **state)
{
    static const struct {
        int n, h, w, c;
        float ratio;
    } cases[] = {{2, 6, 8, 24, 0.5f},   {3, 5, 7, 33, 0.3f}, {1, 1, 9, 8, 0.75f}, {1, 4, 4, 300, 0.75f},
                 {1, 48, 44, 12, 0.4f}, {2, 2, 2, 5, 0.25f}, {1, 1, 1, 4, 0.75f}};
    (void)state;
    for (size_t k = 0; k < ATL_COUNT(cases); k++) {
        const int n_tokens = cases[k].h * cases[k].w;
        const int n_destinations = (cases[k].h + 1) / 2 * ((cases[k].w + 1) / 2);
        const int asked = (int)((double)n_tokens * (double)cases[k].ratio);
        const int n_merged = asked < n_tokens - n_destinations ? asked : n_tokens - n_destinations;
        atl_map x = numbers_map(cases[k].n, 1, n_tokens, cases[k].c, 40 + k);
        int *group = malloc((size_t)n_tokens * sizeof *group);
        assert_non_null(group);
        trial t;
        trial_init(&t, &x, cases[k].h, cases[k].w, cases[k].ratio, 2);
        assert_int_equal(t.plan.n_kept, n_tokens - n_merged);
        for (int p = 0; p < cases[k].n; p++) {
            group_plainly(&x, p, cases[k].h, cases[k].w, n_merged, group);
            for (int i = 0; i < n_tokens; i++)
                for (int j = 0; j < i; j++)
                    assert_int_equal(t.plan.row[p * n_tokens + i] == t.plan.row[p * n_tokens + j],
                                     group[i] == group[j]);
            check_means(&t, p, group);
        }
        trial_done(&t);
        free(group);
        free(x.data);
    }
}

static void every_token_gets_its_groups_answer(void **state)
{
    (void)state;
    atl_map x = numbers_map(2, 1, 35, 9, 50), sums = numbers_map(2, 1, 35, 9, 51);
    trial t;
    trial_init(&t, &x, 5, 7, 0.5f, 3);
    memcpy(sums.data, x.data, map_bytes(&x));
    atl_token_merge_out(&t.f.bench, &t.plan, &t.merged, &sums);
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < 35; i++)
            for (int c = 0; c < 9; c++)
                assert_true(token_of(&sums, p, i)[c] ==
                            token_of(&x, p, i)[c] + token_of(&t.merged, p, t.plan.row[35 * p + i])[c]);
    trial_done(&t);
    free(x.data);
    free(sums.data);
}

static void threads_and_company_decide_nothing(void **state)
{
    (void)state;
    atl_map x = numbers_map(3, 1, 20 * 14, 40, 60);
    trial all;
    trial_init(&all, &x, 20, 14, 0.5f, 1);
    for (int p = 0; p < 3; p++) {
        const atl_map one = atl_map_pictures(&x, p, 1), wanted = atl_map_pictures(&all.merged, p, 1);
        trial t;
        trial_init(&t, &one, 20, 14, 0.5f, 2 + p);
        assert_memory_equal(t.merged.data, wanted.data, map_bytes(&wanted));
        assert_memory_equal(t.plan.row, all.plan.row + p * 280, 280 * sizeof *t.plan.row);
        trial_done(&t);
    }
    trial_done(&all);
    free(x.data);
}

/* bf16 as f32, where the numbers are bf16's and nothing is near a tie. */
static void bf16_merges_alike(void **state)
{
    (void)state;
    uint16_t halves[64 * 16];
    atl_map x = numbers_map(1, 1, 64, 16, 70);
    for (size_t i = 0; i < ATL_COUNT(halves); i++) {
        uint32_t bits;
        memcpy(&bits, atl_map_f32(&x) + i, sizeof bits);
        halves[i] = (uint16_t)(bits >> 16);
        bits &= 0xFFFF0000u;
        memcpy(atl_map_f32(&x) + i, &bits, sizeof bits);
    }
    const atl_map narrow = atl_map_over(halves, ATL_BF16, 1, 1, 64, 16);
    trial a, b;
    trial_init(&a, &x, 8, 8, 0.75f, 1);
    trial_init(&b, &narrow, 8, 8, 0.75f, 1);
    int n_same = 0;
    for (int i = 0; i < 64; i++)
        n_same += a.plan.row[i] == b.plan.row[i];
    assert_true(n_same >= 60); /* similarities rounded to bf16 may move one or two */
    trial_done(&a);
    trial_done(&b);
    free(x.data);
}

static void equal_tokens_are_merged_with_the_first_that_is_alike(void **state)
{
    (void)state;
    atl_map x = numbers_map(1, 1, 16, 4, 80);
    for (size_t i = 0; i < 64; i++)
        atl_map_f32(&x)[i] = i < 32 ? 1.0f : 0.0f; /* of the second half no cosine can be told */
    trial t;
    trial_init(&t, &x, 4, 4, 0.25f, 2);
    assert_int_equal(t.plan.n_kept, 12);
    for (int i = 1; i < 6; i++) /* 1, 3, 4, 5: the first sources, all into the first destination */
        assert_int_equal(t.plan.row[i] == t.plan.row[0], i != 2);
    assert_alive(&t.merged);
    trial_done(&t);
    free(x.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_alike_are_merged_as_the_definition_says),
        cmocka_unit_test(every_token_gets_its_groups_answer),
        cmocka_unit_test(threads_and_company_decide_nothing),
        cmocka_unit_test(bf16_merges_alike),
        cmocka_unit_test(equal_tokens_are_merged_with_the_first_that_is_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
