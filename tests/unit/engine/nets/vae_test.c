/* vae_test.c - both autoencoders' walks, independence and memory; their numbers are compared with diffusers'
 * in tests/golden. */
#include "nets_fixture.h"

#include "diffusers_names.h"
#include "nets/vae.h"

static const atl_vae_config kl = {
    .kind = ATL_VAE_KL,
    .in_channels = 3,
    .out_channels = 3,
    .latent_channels = 4,
    .n_blocks = 2,
    .block_out_channels = {8, 16},
    .act = ATL_ACT_SILU,
    .layers_per_block = 1,
    .norm_num_groups = 4,
    .use_quant_conv = true,
    .use_post_quant_conv = true,
    .mid_block_add_attention = true,
};

static const atl_vae_config tiny = {
    .kind = ATL_VAE_TINY,
    .in_channels = 3,
    .out_channels = 3,
    .latent_channels = 4,
    .n_blocks = 2,
    .block_out_channels = {8, 8},
    .act = ATL_ACT_RELU,
    .n_decoder_blocks = 2,
    .decoder_block_out_channels = {8, 8},
    .num_encoder_blocks = {1, 1},
    .num_decoder_blocks = {1, 1},
    .upsampling_scaling_factor = 2,
};

static const atl_vae_config *const both[] = {&kl, &tiny};

static void *make(atl_loader *loader, const void *config)
{
    return atl_vae_new(loader, config);
}

static int encoded_channels(const atl_vae_config *config)
{
    return config->kind == ATL_VAE_KL ? 2 * config->latent_channels : config->latent_channels;
}

/* ---- one network with a latent and a picture; both configs double once ---- */

typedef struct trial {
    atl_store store;
    atl_vae *vae;
    atl_map latent, image, encoded;
} trial;

static void trial_init(trial *t, const atl_vae_config *config, int n, int h, int w)
{
    size_t bytes;
    atl_vae *listed = net_listed(make, config, NULL, &bytes);
    atl_vae_free(&listed);
    t->store = noise_store(bytes);
    t->vae = net_bound(make, config, &t->store);
    t->latent = numbers_map(n, h, w, config->latent_channels, 1);
    t->image = numbers_map(n, 2 * h, 2 * w, 3, 2);
    t->encoded = numbers_map(n, h, w, encoded_channels(config), 3);
}

static void trial_done(trial *t)
{
    atl_vae_free(&t->vae);
    atl_store_close(&t->store);
    free(t->latent.data);
    free(t->image.data);
    free(t->encoded.data);
}

/* Decodes the latent, encodes the picture that comes out; returns the most scratch that was in use. With
 * `measuring`, nothing is computed. */
static size_t run(trial *t, int n_threads, bool measuring)
{
    fixture f;
    fixture_init(&f, atl_cpu_flags(), n_threads);
    atl_arena ruler = atl_arena_measure();
    if (measuring)
        f.bench.arena = &ruler;
    atl_vae_decode(t->vae, &f.bench, &t->latent, &t->image);
    atl_vae_encode(t->vae, &f.bench, &t->image, &t->encoded);
    assert_int_equal(f.bench.arena->used_bytes, 0);
    size_t peak = f.bench.arena->peak_bytes;
    fixture_done(&f);
    return peak;
}

/* ---- the tests ---- */

static void walk_lists_the_tensors_of_diffusers(void **state)
{
    (void)state;
    names_seen names = {.expected = vae_kl_names, .n_expected = ATL_COUNT(vae_kl_names)};
    atl_vae *vae = net_listed(make, &kl, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected);
    atl_vae_free(&vae);

    names = (names_seen){.expected = vae_tiny_names, .n_expected = ATL_COUNT(vae_tiny_names)};
    vae = net_listed(make, &tiny, &names, NULL);
    assert_int_equal(names.n_seen, names.n_expected);
    atl_vae_free(&vae);
}

static void optional_parts_are_not_asked_for(void **state)
{
    (void)state;
    atl_vae_config config = kl;
    names_seen names = {.expected = vae_kl_names, .n_expected = ATL_COUNT(vae_kl_names)};
    config.use_quant_conv = config.use_post_quant_conv = config.mid_block_add_attention = false;
    atl_vae *vae = net_listed(make, &config, &names, NULL);
    /* two convolutions of two tensors; two attentions of a norm and four matrices, two tensors each */
    assert_int_equal(names.n_seen, names.n_expected - 4 - 20);
    atl_vae_free(&vae);
}

static void pictures_of_a_batch_do_not_see_each_other(void **state)
{
    (void)state;
    for (size_t k = 0; k < ATL_COUNT(both); k++) {
        trial t, one;
        trial_init(&t, both[k], 3, 5, 3);
        trial_init(&one, both[k], 1, 5, 3);
        run(&t, 2, false);
        assert_alive(&t.image);
        assert_alive(&t.encoded);
        for (int i = 0; i < 3; i++) {
            atl_map latent = atl_map_pictures(&t.latent, i, 1), image = atl_map_pictures(&t.image, i, 1),
                    encoded = atl_map_pictures(&t.encoded, i, 1);
            memcpy(one.latent.data, latent.data, map_bytes(&latent));
            run(&one, 2, false);
            assert_memory_equal(one.image.data, image.data, map_bytes(&image));
            assert_memory_equal(one.encoded.data, encoded.data, map_bytes(&encoded));
        }
        trial_done(&t);
        trial_done(&one);
    }
}

static void number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    for (size_t k = 0; k < ATL_COUNT(both); k++) {
        trial t, other;
        trial_init(&t, both[k], 1, 9, 7);
        trial_init(&other, both[k], 1, 9, 7);
        run(&t, 1, false);
        run(&other, 5, false);
        assert_memory_equal(t.image.data, other.image.data, map_bytes(&t.image));
        assert_memory_equal(t.encoded.data, other.encoded.data, map_bytes(&t.encoded));
        trial_done(&t);
        trial_done(&other);
    }
}

static void measured_scratch_is_what_a_run_takes(void **state)
{
    (void)state;
    for (size_t k = 0; k < ATL_COUNT(both); k++) {
        trial t;
        trial_init(&t, both[k], 2, 7, 4);
        size_t measured = run(&t, 2, true);
        assert_int_equal(run(&t, 2, false), measured);
        trial_done(&t);
    }
}

static void scratch_does_not_grow_with_the_batch(void **state)
{
    (void)state;
    for (size_t k = 0; k < ATL_COUNT(both); k++) {
        trial one, four;
        trial_init(&one, both[k], 1, 6, 6);
        trial_init(&four, both[k], 4, 6, 6);
        assert_int_equal(run(&four, 1, true), run(&one, 1, true));
        trial_done(&one);
        trial_done(&four);
    }
}

static const atl_vae_config sd15 = {
    .kind = ATL_VAE_KL,
    .in_channels = 3,
    .out_channels = 3,
    .latent_channels = 4,
    .n_blocks = 4,
    .block_out_channels = {128, 256, 512, 512},
    .act = ATL_ACT_SILU,
    .layers_per_block = 2,
    .norm_num_groups = 32,
    .use_quant_conv = true,
    .use_post_quant_conv = true,
    .mid_block_add_attention = true,
};

/* The largest map is 256 channels at 512 × 512, 268 MB, beside its successor and one more like that, of 134
 * MB each; then what a convolution wants for its tiles. */
static void sd15_at_512_px_needs_three_maps_of_scratch(void **state)
{
    (void)state;
    atl_vae *vae = net_listed(make, &sd15, NULL, NULL);
    atl_map latent = atl_map_over((void *)64, ATL_F32, 1, 64, 64, 4);
    atl_map image = atl_map_over((void *)64, ATL_F32, 1, 512, 512, 3);
    atl_map moments = atl_map_over((void *)64, ATL_F32, 1, 64, 64, 8);
    trial t = {.vae = vae, .latent = latent, .image = image, .encoded = moments};
    assert_in_range(run(&t, 2, true), 536870912, 570000000);
    atl_vae_free(&vae);
}

/* In bf16 a picture's largest map, 134 MB, is all there is, beside the lines by which blocks lag behind it
 * (8.7) and the sums of a norm (8.4). */
static void sd15_at_512_px_decodes_within_one_map_in_bf16(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, atl_cpu_flags(), 1);
    atl_arena ruler = atl_arena_measure();
    f.bench.arena = &ruler;
    f.bench.policy = atl_policy_find("bf16");
    atl_vae *vae = net_listed_as("bf16", make, &sd15, NULL, NULL);
    const atl_map latent = atl_map_over((void *)64, ATL_F32, 1, 64, 64, 4);
    const atl_map image = atl_map_over((void *)64, ATL_F32, 1, 512, 512, 3);
    atl_vae_decode(vae, &f.bench, &latent, &image);
    assert_in_range(ruler.peak_bytes, 134217728, 155000000);
    atl_vae_free(&vae);
    fixture_done(&f);
}

/* Decodes with maps of bf16, which grow and are woven: what is measured is taken, and threads change no bit.
 */
static void decoding_in_place_changes_nothing(void **state)
{
    (void)state;
    atl_vae_config config = kl;
    config.n_blocks = 3; /* 16 x 16 becomes 64 x 64 */
    memcpy(config.block_out_channels, (const int[]){32, 64, 64}, 3 * sizeof(int));
    size_t bytes, peaks[2];
    atl_vae *listed = net_listed_as("bf16", make, &config, NULL, &bytes);
    atl_vae_free(&listed);
    atl_store store = noise_store_bf16(bytes);
    atl_vae *vae = net_bound_as("bf16", make, &config, &store);
    atl_map latent = numbers_map(1, 16, 16, 4, 1), first = numbers_map(1, 64, 64, 3, 2),
            other = numbers_map(1, 64, 64, 3, 3);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        fixture f;
        fixture_init(&f, atl_cpu_flags(), n_threads);
        f.bench.policy = atl_policy_find("bf16");
        for (int measuring = 1; measuring >= 0; measuring--) {
            atl_arena ruler = atl_arena_measure();
            atl_bench bench = f.bench;
            bench.arena = measuring ? &ruler : f.bench.arena;
            atl_vae_decode(vae, &bench, &latent, n_threads == 1 ? &first : &other);
            peaks[measuring] = bench.arena->peak_bytes;
        }
        assert_int_equal(peaks[0], peaks[1]);
        assert_alive(&first);
        if (n_threads > 1)
            assert_memory_equal(other.data, first.data, map_bytes(&first));
        fixture_done(&f);
    }
    atl_vae_free(&vae);
    atl_store_close(&store);
    free(latent.data);
    free(first.data);
    free(other.data);
}

/* 3·tanh(x / 3): whatever lies far out is the same. */
static void tiny_decoder_clamps_its_input(void **state)
{
    (void)state;
    trial t, further;
    trial_init(&t, &tiny, 1, 4, 4);
    trial_init(&further, &tiny, 1, 4, 4);
    for (size_t i = 0; i < 64; i++) {
        float sign = atl_map_f32(&t.latent)[i] < 0 ? -1.0f : 1.0f;
        atl_map_f32(&t.latent)[i] = 1e3f * sign;
        atl_map_f32(&further.latent)[i] = 1e6f * sign;
    }
    run(&t, 1, false);
    run(&further, 1, false);
    assert_alive(&t.image);
    assert_memory_equal(t.image.data, further.image.data, map_bytes(&t.image));
    trial_done(&t);
    trial_done(&further);
}

static void assert_refused(const atl_vae_config *config, const char *word)
{
    atl_note note = {0};
    assert_int_equal(net_refused(make, config, &note), ATL_UNSUPPORTED);
    if (!strstr(note.text, word))
        fail_msg("\"%s\" does not say \"%s\"", note.text, word);
}

static void what_cannot_be_built_is_refused_by_name(void **state)
{
    (void)state;
    atl_vae_config config = kl;
    config.norm_num_groups = 5;
    assert_refused(&config, "norm_num_groups");
    config = kl;
    config.n_blocks = 0;
    assert_refused(&config, "blocks");
    config = kl;
    config.block_out_channels[1] = 516;
    assert_refused(&config, "attention over at most 512");
    config = tiny;
    config.block_out_channels[1] = 12;
    assert_refused(&config, "encoder_block_out_channels");
    config = tiny;
    config.decoder_block_out_channels[1] = 12;
    assert_refused(&config, "decoder_block_out_channels");
    config = tiny;
    config.upsampling_scaling_factor = 3;
    assert_refused(&config, "upsampling_scaling_factor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_lists_the_tensors_of_diffusers),
        cmocka_unit_test(optional_parts_are_not_asked_for),
        cmocka_unit_test(pictures_of_a_batch_do_not_see_each_other),
        cmocka_unit_test(number_of_threads_changes_no_bit),
        cmocka_unit_test(measured_scratch_is_what_a_run_takes),
        cmocka_unit_test(scratch_does_not_grow_with_the_batch),
        cmocka_unit_test(sd15_at_512_px_needs_three_maps_of_scratch),
        cmocka_unit_test(sd15_at_512_px_decodes_within_one_map_in_bf16),
        cmocka_unit_test(decoding_in_place_changes_nothing),
        cmocka_unit_test(tiny_decoder_clamps_its_input),
        cmocka_unit_test(what_cannot_be_built_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
