/* synth.c - atl_model_synth: configs and tokenizer are written first and read back by the ordinary reader,
 * the networks list their tensors from them, and each component is streamed to its file. So whatever is
 * written is what the engine would ask for, and no more than a piece of a tensor is ever in memory. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/text.h"
#include "model/inspect.h"
#include "model/list.h"
#include "model/synth.h"

#define NAMES "sd15, sd21, sdxl, sdxs, tiny, sdturbo, lcm, sdxlturbo"

const char *atl_model_synth_names(void)
{
    return NAMES;
}

/* A tensor to be written, and the run that it belongs to. */
typedef struct planned {
    atl_component component;
    char *name;
    int rank;
    size_t shape[4];
    size_t n_bytes;
    atl_synth_tensor random;
    struct synthesis *run;
} planned;

typedef struct synthesis {
    const char *dir;
    atl_dtype dtype;
    uint64_t seed;
    atl_synth_progress progress;
    void *user;
    planned *plans;
    size_t n_plans, capacity;
    size_t done_bytes, total_bytes;
    bool out_of_memory;
} synthesis;

static void plan_tensor(void *user, const atl_param *param)
{
    synthesis *run = user;
    planned *plans = atl_grown(run->plans, run->n_plans, &run->capacity, 1024, sizeof *plans);
    if (!plans) {
        run->out_of_memory = true;
        return;
    }
    run->plans = plans;
    planned plan = {.component = param->component,
                    .name = strdup(param->name),
                    .rank = param->rank,
                    .n_bytes = atl_dtype_bytes(run->dtype),
                    .random = atl_synth_plan(param, run->seed, run->dtype),
                    .run = run};
    run->out_of_memory |= !plan.name;
    for (int i = 0; i < param->rank; i++) {
        plan.shape[i] = param->shape[i];
        plan.n_bytes *= param->shape[i];
    }
    run->total_bytes += plan.n_bytes;
    run->plans[run->n_plans++] = plan;
}

static void fill(void *user, size_t first, size_t n, void *out)
{
    const planned *plan = user;
    synthesis *run = plan->run;
    atl_synth_fill(&plan->random, first, n, out);
    run->done_bytes += n * atl_dtype_bytes(run->dtype);
    if (run->progress)
        run->progress(run->user, run->done_bytes, run->total_bytes);
}

static atl_status write_component(synthesis *run, atl_component component, atl_note *note)
{
    static const atl_st_dtype types[] = {
        [ATL_F32] = ATL_ST_F32, [ATL_F16] = ATL_ST_F16, [ATL_BF16] = ATL_ST_BF16};
    static const char *const files[] = {
        [ATL_TEXT_ENCODER] = "text_encoder/model.safetensors",
        [ATL_TEXT_ENCODER_2] = "text_encoder_2/model.safetensors",
        [ATL_UNET] = "unet/diffusion_pytorch_model.safetensors",
        [ATL_VAE] = "vae/diffusion_pytorch_model.safetensors",
    };
    atl_st_writer *writer = NULL;
    char *path = atl_path_join(run->dir, files[component]);
    atl_status st = path ? atl_st_writer_open(&writer, note) : ATL_NO_MEMORY;
    if (st == ATL_OK) {
        atl_st_writer_metadata(writer, "format", "pt");
        for (size_t i = 0; i < run->n_plans; i++) {
            planned *plan = &run->plans[i];
            if (plan->component == component)
                atl_st_writer_add_stream(writer, plan->name, types[run->dtype], plan->rank, plan->shape, fill,
                                         plan);
        }
        st = atl_st_writer_write(writer, path, note);
    }
    if (writer)
        atl_st_writer_close(&writer);
    free(path);
    return st;
}

static atl_status write_weights(synthesis *run, const atl_family *family, atl_note *note)
{
    atl_model_config config = {0};
    atl_status st = atl_model_config_read(run->dir, &config, note);
    if (st == ATL_OK)
        st = atl_model_list(&config, atl_policy_find("fp32"), plan_tensor, run, NULL, note);
    if (st == ATL_OK && run->out_of_memory)
        st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory for the list of its tensors", run->dir);
    for (int i = 0; st == ATL_OK && i < config.n_text_encoders; i++)
        st = atl_synth_tokenizer(run->dir, i, config.text[i].vocab_size, family->pad[i], note);
    for (int c = 0; st == ATL_OK && c < ATL_N_COMPONENTS; c++)
        if (c != ATL_TEXT_ENCODER_2 || config.n_text_encoders > 1)
            st = write_component(run, (atl_component)c, note);
    atl_model_config_done(&config);
    return st;
}

/* Half a checkpoint is told by its missing index. */
static void remove_index(const char *dir)
{
    char *path = atl_path_join(dir, "model_index.json");
    if (path)
        unlink(path);
    free(path);
}

static bool is_empty_or_absent(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return !atl_is_file(path);
    bool empty = true;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

static const atl_family *find_family(const char *name)
{
    for (size_t i = 0; i < atl_n_families; i++)
        if (strcmp(atl_families[i].name, name) == 0)
            return &atl_families[i];
    return NULL;
}

atl_status atl_model_synth(const char *family_name, const char *dir, atl_dtype dtype, uint64_t seed,
                           atl_synth_progress progress, void *user, atl_note *note)
{
    const atl_family *family = find_family(family_name);
    if (!family)
        return atl_fail(note, ATL_USAGE, "\"%.100s\" is no family that can be synthesised; there are %s",
                        family_name, NAMES);
    if (!is_empty_or_absent(dir))
        return atl_fail(note, ATL_USAGE, "%s: is there already and is not an empty directory", dir);
    synthesis run = {.dir = dir, .dtype = dtype, .seed = seed, .progress = progress, .user = user};
    atl_status st = atl_synth_configs(family, dir, note);
    if (st == ATL_OK) {
        st = write_weights(&run, family, note);
        if (st != ATL_OK)
            remove_index(dir);
    }
    for (size_t i = 0; i < run.n_plans; i++)
        free(run.plans[i].name);
    free(run.plans);
    return st;
}
