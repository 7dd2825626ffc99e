/* The text encoder's config. */
#include "unit/engine/model/config_parts_fixture.h"

static void read_plain(atl_json *json, void *config)
{
    atl_config_read_clip(json, false, config);
}

static void read_projecting(atl_json *json, void *config)
{
    atl_config_read_clip(json, true, config);
}

static void empty_config_gets_transformers_defaults(void **state)
{
    (void)state;
    atl_clip_config c;
    atl_note note = {0};
    assert_ok(read_text(read_projecting, "{}", &c, &note), &note);
    assert_int_equal(c.vocab_size, 49408);
    assert_int_equal(c.hidden_size, 512);
    assert_int_equal(c.intermediate_size, 2048);
    assert_int_equal(c.n_layers, 12);
    assert_int_equal(c.n_heads, 8);
    assert_int_equal(c.n_positions, 77);
    assert_int_equal(c.projection_dim, 512);
    assert_true(c.with_projection && c.layer_norm_eps == 1e-5f);
    assert_int_equal(c.act, ATL_ACT_QUICK_GELU);
    assert_int_equal(c.bos_token_id, 49406);
    assert_int_equal(c.eos_token_id, 49407);
}

static void text_part_of_a_whole_clip_is_found(void **state)
{
    (void)state;
    atl_clip_config c;
    atl_note note = {0};
    assert_ok(
        read_text(read_plain,
                  "{\"model_type\": \"clip\", \"hidden_size\": 1, \"text_config\": {\"hidden_size\": 64, "
                  "\"hidden_act\": \"gelu\", \"eos_token_id\": 2}}",
                  &c, &note),
        &note);
    assert_int_equal(c.hidden_size, 64);
    assert_int_equal(c.act, ATL_ACT_GELU);
    assert_int_equal(c.eos_token_id, 2);
    assert_false(c.with_projection);
}

static void what_cannot_be_honoured_is_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"{\"hidden_act\": \"laplace\"}", ATL_UNSUPPORTED, "\"hidden_act\" is \"laplace\"; supported are"},
        {"{\"num_hidden_layers\": 65}", ATL_UNSUPPORTED, "at most 64"},
        {"{\"hidden_size\": 100}", ATL_BAD_INPUT,
         "\"hidden_size\" 100 is not a multiple of \"num_attention_heads\" 8"},
        {"{\"eos_token_id\": [1, 2]}", ATL_BAD_INPUT, "\"eos_token_id\" is [1,2]"},
        {"{\"vocab_size\": -1}", ATL_BAD_INPUT, "\"vocab_size\" is -1"},
        {"{\"layer_norm_eps\": \"small\"}", ATL_BAD_INPUT, "a number was wanted"},
    };
    atl_clip_config c;
    assert_refusals(read_plain, &c, cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_config_gets_transformers_defaults),
        cmocka_unit_test(text_part_of_a_whole_clip_is_found),
        cmocka_unit_test(what_cannot_be_honoured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
