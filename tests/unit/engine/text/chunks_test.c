#include "text_fixture.h"

#include <math.h>

#include "text/prompt.h"

/* "ab" is id 7, "a" 3, "b" 4, "c" 5; padding is "!", 11. */
static void make_chunks(const char *prompt, int min_chunks, atl_chunks *ret)
{
    atl_tokenizer *tokenizer = small_tokenizer("!");
    assert_int_equal(atl_chunks_make(tokenizer, prompt, strlen(prompt), min_chunks, ret, NULL), ATL_OK);
    assert_int_equal(ret->length, 77);
    atl_tokenizer_close(&tokenizer);
}

/* That chunk `which` holds start, `tokens` up to -1, end, and padding. */
static void assert_chunk(const atl_chunks *chunks, int which, const int32_t *tokens)
{
    const int32_t *ids = chunks->ids + which * chunks->length;
    int i = 1;
    assert_int_equal(ids[0], BOS);
    for (; *tokens >= 0; tokens++)
        assert_int_equal(ids[i++], *tokens);
    assert_int_equal(ids[i++], EOS);
    for (; i < chunks->length; i++)
        assert_int_equal(ids[i], 11);
}

static const int32_t empty[] = {-1};

/* "a " n times */
static char *repeated(int n)
{
    char *text = malloc((size_t)n * 2 + 1);
    assert_non_null(text);
    for (int i = 0; i < n; i++)
        memcpy(text + 2 * i, "a ", 3);
    return text;
}

static void a_short_prompt_is_what_the_tokenizer_pads(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    int32_t padded[77];
    atl_chunks chunks = {0};
    make_chunks("ab a, c", 1, &chunks);
    assert_int_equal(atl_tokenizer_encode_padded(tokenizer, "ab a, c", 7, padded, 77, NULL), ATL_OK);
    assert_int_equal(chunks.n, 1);
    assert_memory_equal(chunks.ids, padded, sizeof padded);
    assert_false(chunks.weighted);
    for (int i = 0; i < 77; i++)
        assert_true(chunks.weights[i] == 1);
    atl_chunks_done(&chunks);
    atl_tokenizer_close(&tokenizer);
}

static void no_prompt_is_one_empty_chunk(void **state)
{
    (void)state;
    atl_chunks chunks = {0};
    make_chunks("", 0, &chunks);
    assert_int_equal(chunks.n, 1);
    assert_chunk(&chunks, 0, empty);
    atl_chunks_done(&chunks);
}

static void a_chunk_holds_seventy_five_tokens(void **state)
{
    (void)state;
    static const struct {
        int n_tokens, n_chunks;
    } cases[] = {{74, 1}, {75, 1}, {76, 2}, {150, 2}, {151, 3}};
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        char *prompt = repeated(cases[i].n_tokens);
        atl_chunks chunks = {0};
        make_chunks(prompt, 1, &chunks);
        assert_int_equal(chunks.n, cases[i].n_chunks);
        int n = 0;
        for (int k = 0; k < chunks.n * 77; k++)
            n += chunks.ids[k] == 3;
        assert_int_equal(n, cases[i].n_tokens);
        for (int k = 0; k < chunks.n; k++)
            assert_int_equal(chunks.ids[k * 77], BOS);
        assert_int_equal(chunks.ids[76], cases[i].n_tokens >= 75 ? EOS : 11);
        atl_chunks_done(&chunks);
        free(prompt);
    }
}

static void tokens_carry_the_weights_of_their_pieces(void **state)
{
    (void)state;
    atl_chunks chunks = {0};
    make_chunks("a (b c:1.5) a", 1, &chunks);
    assert_chunk(&chunks, 0, (const int32_t[]){3, 4, 5, 3, -1});
    const float expected[] = {1, 1, 1.5f, 1.5f, 1, 1, 1};
    assert_memory_equal(chunks.weights, expected, sizeof expected);
    assert_true(chunks.weighted);
    atl_chunks_done(&chunks);
}

static void each_piece_is_tokenised_by_itself(void **state)
{
    (void)state;
    atl_chunks chunks = {0};
    make_chunks("a(b)", 1, &chunks); /* not "ab" */
    assert_chunk(&chunks, 0, (const int32_t[]){3, 4, -1});
    atl_chunks_done(&chunks);
}

static void break_ends_the_chunk(void **state)
{
    (void)state;
    atl_chunks chunks = {0};
    make_chunks("a BREAK b", 1, &chunks);
    assert_int_equal(chunks.n, 2);
    assert_chunk(&chunks, 0, (const int32_t[]){3, -1});
    assert_chunk(&chunks, 1, (const int32_t[]){4, -1});
    assert_false(chunks.weighted);
    atl_chunks_done(&chunks);

    make_chunks("BREAK a BREAK BREAK b BREAK", 1, &chunks);
    assert_int_equal(chunks.n, 4);
    assert_chunk(&chunks, 0, empty);
    assert_chunk(&chunks, 1, (const int32_t[]){3, -1});
    assert_chunk(&chunks, 2, empty);
    assert_chunk(&chunks, 3, (const int32_t[]){4, -1});
    atl_chunks_done(&chunks);
}

static void a_full_chunk_is_ended_once(void **state)
{
    (void)state;
    char *prompt = repeated(75), whole[200];
    atl_chunks chunks = {0};
    snprintf(whole, sizeof whole, "%s BREAK b", prompt);
    make_chunks(whole, 1, &chunks);
    assert_int_equal(chunks.n, 2);
    assert_chunk(&chunks, 1, (const int32_t[]){4, -1});
    atl_chunks_done(&chunks);
    free(prompt);
}

static void further_chunks_are_empty(void **state)
{
    (void)state;
    atl_chunks chunks = {0};
    make_chunks("a", 3, &chunks);
    assert_int_equal(chunks.n, 3);
    assert_chunk(&chunks, 0, (const int32_t[]){3, -1});
    assert_chunk(&chunks, 1, empty);
    assert_chunk(&chunks, 2, empty);
    atl_chunks_done(&chunks);
}

static void too_many_chunks_are_refused(void **state)
{
    (void)state;
    char *prompt = repeated(75 * ATL_MAX_CHUNKS + 1);
    atl_tokenizer *tokenizer = small_tokenizer("!");
    atl_chunks chunks = {0};
    atl_note note = {0};
    assert_int_equal(atl_chunks_make(tokenizer, prompt, strlen(prompt) - 2, 1, &chunks, &note), ATL_OK);
    atl_chunks_done(&chunks);
    assert_int_equal(atl_chunks_make(tokenizer, prompt, strlen(prompt), 1, &chunks, &note), ATL_BAD_INPUT);
    assert_says(&note, "1024 chunks");
    assert_null(chunks.ids);
    atl_tokenizer_close(&tokenizer);
    free(prompt);
}

static void weighted_embeddings_keep_their_mean(void **state)
{
    (void)state;
    const float weights[] = {1, 2, 1};
    float x[] = {1, 2, 3, 4, 5, 6}; /* the mean is 21/6; weighted 28/6 */
    atl_chunk_apply_weights(weights, 3, 2, x);
    const double scale = 21.0 / 28.0, expected[] = {1, 2, 6, 8, 5, 6};
    for (int i = 0; i < 6; i++)
        assert_true(fabs((double)x[i] - expected[i] * scale) < 1e-6);
}

static void a_mean_of_nothing_is_left_alone(void **state)
{
    (void)state;
    const float weights[] = {1, 0};
    float x[] = {1, -1, 3, 4};
    atl_chunk_apply_weights(weights, 2, 2, x);
    const float expected[] = {1, -1, 0, 0};
    assert_memory_equal(x, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_prompt_is_what_the_tokenizer_pads),
        cmocka_unit_test(no_prompt_is_one_empty_chunk),
        cmocka_unit_test(a_chunk_holds_seventy_five_tokens),
        cmocka_unit_test(tokens_carry_the_weights_of_their_pieces),
        cmocka_unit_test(each_piece_is_tokenised_by_itself),
        cmocka_unit_test(break_ends_the_chunk),
        cmocka_unit_test(a_full_chunk_is_ended_once),
        cmocka_unit_test(further_chunks_are_empty),
        cmocka_unit_test(too_many_chunks_are_refused),
        cmocka_unit_test(weighted_embeddings_keep_their_mean),
        cmocka_unit_test(a_mean_of_nothing_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
