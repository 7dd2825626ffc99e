/* paint_many.c - a picture for each prompt of the command line, painted by a pool of two worker processes.
 *
 *     cc paint_many.c $(pkg-config --cflags --libs --static atelier) -o paint_many
 *     ./paint_many MODEL "a red house by a lake" "a boat at night" … */
#include <stdio.h>

#include <coordinator/executor.h>

static void save(const atl_result *result)
{
    char name[32];
    snprintf(name, sizeof name, "%llu.png", (unsigned long long)result->index);
    FILE *file = fopen(name, "wb");
    const int saved = file && fwrite(result->png, 1, result->png_bytes, file) == result->png_bytes;
    if (!file || fclose(file) != 0 || !saved)
        fprintf(stderr, "cannot write %s\n", name);
    else
        printf("%s: worker %u, %d steps\n", name, (unsigned)result->worker, result->timings.n_unet_steps);
}

int main(int argc, char **argv)
{
    const atl_executor_options options = {.model = argc > 2 ? argv[1] : NULL, .n_workers = 2, .bind = true};
    atl_executor *pool = NULL;
    atl_future *future = NULL;
    atl_note note = {0};
    atl_status status = atl_executor_open(&options, &pool, &note);
    for (int i = 2; i < argc && status == ATL_OK; i++) {
        const atl_job job = {.index = (uint64_t)i - 2, .prompt = argv[i], .seed = 7, .guidance_scale = 7};
        status = atl_executor_submit(pool, &job, NULL, &note);
    }
    while (status == ATL_OK && (future = atl_executor_next_completed(pool, -1)) != NULL) {
        const atl_result *result = atl_future_result(future);
        if (atl_future_peek(future) == ATL_FUTURE_DONE)
            save(result);
        else
            fprintf(stderr, "picture %llu: %s\n", (unsigned long long)result->index, result->note.text);
        atl_future_release(&future);
    }
    atl_executor_shutdown(&pool, true, false);
    if (status != ATL_OK)
        fprintf(stderr, "%s\n", note.text);
    return status == ATL_OK ? 0 : 1;
}
