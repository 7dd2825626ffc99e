/* paint.c - `atelier paint`: one prompt, one picture.
 *
 * What can be refused is refused before the model is read: options, the output's place, the init image. The
 * file appears whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "commands.h"
#include "console.h"
#include "find_model.h"
#include "image/png_file.h"
#include "progress.h"
#include "report.h"
#include "stop.h"

/* All that one run owns. */
typedef struct run {
    paint_args args;
    char *found_model; /* where --model was not given */
    char output[4096];
    atl_engine *engine;
    atl_engine_facts facts;
    atl_picture init;
    atl_painting painting;
    atl_text png;
    report report;
    int64_t begun_ns, begun_cpu_ns;
} run;

static void run_done(run *r)
{
    atl_text_done(&r->png);
    atl_painting_done(&r->painting);
    atl_picture_done(&r->init);
    atl_engine_close(&r->engine);
    free(r->found_model);
}

static atl_stage_time since(int64_t wall_ns, int64_t cpu_ns)
{
    return (atl_stage_time){.wall_ns = atl_clock_now_ns() - wall_ns,
                            .cpu_ns = atl_clock_process_cpu_ns() - cpu_ns};
}

/* Before anything long begins. */
static atl_status prepare(run *r, char **operands, int n_operands, atl_note *note)
{
    paint_args *a = &r->args;
    if (n_operands > 0 && a->prompt)
        return atl_fail(note, ATL_USAGE, "the prompt was given twice: as --prompt and as '%s'", operands[0]);
    if (n_operands > 0)
        a->prompt = operands[0];
    if (!a->prompt)
        return atl_fail(note, ATL_USAGE, "there is no prompt; wanted: atelier paint \"a prompt\"");
    atl_status st = paint_args_check(a, note);
    if (st != ATL_OK)
        return st;
    if (a->output && strlen(a->output) >= sizeof r->output)
        return atl_fail(note, ATL_USAGE, "--output: has over %zu bytes", sizeof r->output - 1);
    if (a->output)
        snprintf(r->output, sizeof r->output, "%s", a->output);
    else
        snprintf(r->output, sizeof r->output, "%llu.png", (unsigned long long)a->seed);
    st = atl_file_check_target(r->output, a->force, note);
    if (st == ATL_OK)
        st = paint_init_read(a, &r->init, note);
    if (st == ATL_OK && !a->model) {
        st = find_model(&r->found_model, note);
        a->model = r->found_model;
    }
    return st;
}

static atl_status open_engine(run *r, atl_note *note)
{
    const int64_t wall_ns = atl_clock_now_ns(), cpu_ns = atl_clock_process_cpu_ns();
    const atl_engine_options options = paint_engine_options(&r->args, r->args.model);
    atl_status st = atl_engine_open(&options, &r->engine, note);
    r->report.load = since(wall_ns, cpu_ns);
    if (st != ATL_OK || (st = atl_engine_facts_get(r->engine, &r->facts, note)) != ATL_OK)
        return st;
    if (r->facts.pack_note[0])
        console_say("packed weights: %s", r->facts.pack_note);
    return ATL_OK;
}

static atl_status paint(run *r, atl_note *note)
{
    atl_rgb rgb;
    const atl_request request = paint_request(&r->args, &r->init, &rgb);
    progress p = progress_new(r->args.quiet);
    const atl_status st = atl_engine_paint(r->engine, &request, progress_step, &p, &r->painting, note);
    return st != ATL_OK ? st : atl_engine_facts_get(r->engine, &r->facts, note); /* the peak is known now */
}

static atl_status encode(run *r, atl_note *note)
{
    const int64_t wall_ns = atl_clock_now_ns(), cpu_ns = atl_clock_process_cpu_ns();
    const atl_rgb *rgb = &r->painting.image;
    const atl_picture picture = {.width = rgb->width, .height = rgb->height, .pixels = rgb->pixels};
    atl_text parameters = {0}, ours = {0};
    report_parameters(&r->report, &parameters);
    atl_picture_digest(&picture, r->report.digest);
    report_set_job(&r->report, &parameters);
    atl_status st = report_for_file(&r->report, &ours, note);
    if (st == ATL_OK && parameters.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the picture's texts");
    if (st == ATL_OK) {
        const atl_png_text texts[] = {{"parameters", parameters.data}, {"atelier", ours.data}};
        st = atl_png_encode(&picture, texts, 2, &r->png, note);
    }
    atl_text_done(&parameters);
    atl_text_done(&ours);
    r->report.png_encode = since(wall_ns, cpu_ns);
    return st;
}

static atl_status write_output(run *r, atl_note *note)
{
    if (stop_signal())
        return atl_fail(note, ATL_CANCELLED, "stopped before the picture was written");
    return r->args.force ? atl_file_write(r->output, r->png.data, r->png.length, note)
                         : atl_file_write_new(r->output, r->png.data, r->png.length, note);
}

static atl_status tell(run *r, atl_note *note)
{
    const atl_settings *s = &r->painting.settings;
    r->report.total = since(r->begun_ns, r->begun_cpu_ns);
    if (!r->args.quiet)
        console_say("%s: %d x %d px, %s, %d step%s, seed %llu, %.2f s", r->output, s->width, s->height,
                    s->sampler_display, s->n_steps, s->n_steps == 1 ? "" : "s", (unsigned long long)s->seed,
                    atl_ns_to_s(r->report.total.wall_ns));
    if (!r->args.json) {
        puts(r->output);
        return ATL_OK;
    }
    atl_text json = {0};
    const atl_status st = report_for_stdout(&r->report, &json, note);
    if (st == ATL_OK)
        puts(json.data);
    atl_text_done(&json);
    return st;
}

static atl_status run_all(run *r, atl_note *note)
{
    char init_digest[ATL_DIGEST_TEXT];
    stop_listen();
    if (!r->args.quiet)
        console_say("seed %llu, model %s", (unsigned long long)r->args.seed, r->args.model);
    atl_status st = open_engine(r, note);
    if (st == ATL_OK)
        st = paint_init_fit(&r->args, r->facts.vae_factor, &r->init, note);
    if (st != ATL_OK)
        return st;
    if (r->init.pixels)
        atl_picture_digest(&r->init, init_digest);
    r->report.args = &r->args;
    r->report.model_path = r->args.model;
    r->report.output = r->output;
    r->report.painting = &r->painting;
    r->report.facts = &r->facts;
    r->report.init_digest = r->init.pixels ? init_digest : NULL;
    st = paint(r, note);
    if (st == ATL_OK)
        st = encode(r, note);
    if (st == ATL_OK)
        st = write_output(r, note);
    return st != ATL_OK ? st : tell(r, note);
}

int command_paint(int argc, char **argv)
{
    atl_option rows[PAINT_MAX_ROWS];
    char summary[1024];
    snprintf(summary, sizeof summary,
             "Paints one picture and prints the name of its file. The prompt may hold weights, (word:1.3), "
             "switches,\n[a:b:0.5], and BREAK; the file carries all settings as text.\nSamplers: %s.",
             atl_engine_sampler_names());
    const atl_command command = {
        .name = "atelier paint",
        .operands = "PROMPT",
        .summary = summary,
        .options = rows,
        .n_options = paint_rows(false, rows),
        .most_operands = 1,
    };
    run *r = calloc(1, sizeof *r);
    atl_note note = {0};
    if (!r)
        return console_fail(ATL_NO_MEMORY, &note);
    r->args = paint_args_new();
    r->begun_ns = atl_clock_now_ns();
    r->begun_cpu_ns = atl_clock_process_cpu_ns();
    char **operands;
    int n_operands, code;
    if (console_parse(&command, argc, argv, &r->args, &operands, &n_operands, &code)) {
        atl_status st = prepare(r, operands, n_operands, &note);
        if (st == ATL_OK)
            st = run_all(r, &note);
        code = st == ATL_OK ? 0 : console_fail(st, &note);
        if (st == ATL_CANCELLED && stop_signal())
            code = 128 + stop_signal();
    }
    run_done(r);
    free(r);
    return code;
}
