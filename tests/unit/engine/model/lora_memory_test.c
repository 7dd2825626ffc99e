/* lora_memory_test.c - a network's file where any one malloc fails: it is said to be memory, never a mistake
 * of the file, and never overlooked (jansson does both). The linker gives this program's malloc its name
 * (--wrap).
 */
#include "unit/engine/model/model_fixture.h"

#include "base/sizes.h"
#include "model/lora.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

static long calls_left = -1; /* of malloc, until one fails; below 0: none does */

void *__wrap_malloc(size_t n)
{
    return calls_left >= 0 && calls_left-- == 0 ? NULL : __real_malloc(n);
}

static void add(atl_lora_modules *modules, atl_component component, const char *name, int n_in, int n_out)
{
    atl_lora_modules_add(modules, &(atl_layer_site){.component = component,
                                                    .name = name,
                                                    .n_in = n_in,
                                                    .n_out = n_out,
                                                    .kernel = 1,
                                                    .stride = 1,
                                                    .n_out_all = n_out});
}

static void a_file_is_read_or_memory_is_out(void **state)
{
    (void)state;
    static const char *const files[] = {"kohya", "peft"};
    const atl_unet_config unet = {.n_blocks = 2, .layers_per_block = {2, 2}};
    atl_lora_modules modules = {.unet = &unet};
    add(&modules, ATL_TEXT_ENCODER, "text_model.encoder.layers.0.self_attn.q_proj", 4, 4);
    add(&modules, ATL_UNET, "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", 6, 8);
    for (size_t i = 0; i < ATL_COUNT(files); i++) {
        long n = 0;
        char path[512];
        snprintf(path, sizeof path, "%s/fuzz/corpus/lora/%s", ATELIER_TEST_DATA, files[i]);
        for (bool struck = true; struck; n++) {
            atl_lora *lora = NULL;
            atl_note note = {0};
            calls_left = n;
            const atl_status st = atl_lora_open(path, &modules, &lora, &note);
            struck = calls_left < 0;
            calls_left = -1;
            if (st != (struck ? ATL_NO_MEMORY : ATL_OK))
                fail_msg("malloc %ld of %s: status %d, %s", n, files[i], (int)st, note.text);
            atl_lora_close(&lora);
        }
        assert_true(n > 30);
    }
    atl_lora_modules_done(&modules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_is_read_or_memory_is_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
