/* model_parts.c - the engine's parts on their own, for people who compare implementations: `atelier model
 * probe`, `tokenize` and `schedule`. The man page lists the tensors. */
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "engine/probe.h"
#include "paint_args.h"
#include "shared_options.h"

#define MAX_LINE_BYTES ((size_t)8 << 20) /* of JSON: a prompt of 1 MiB, escaped at its worst */

/* ---- probe ---- */

static atl_status probe(const paint_args *given, char **operands, int n_operands, atl_note *note)
{
    paint_args args = *given;
    if (!args.in || !args.out)
        return atl_fail(note, ATL_USAGE, "model probe: wanted --in FILE and --out FILE, both safetensors");
    if (n_operands > 2 && args.prompt)
        return atl_fail(note, ATL_USAGE, "the prompt was given twice: as --prompt and as '%s'", operands[2]);
    if (n_operands > 2)
        args.prompt = operands[2];
    atl_status st = paint_args_check(&args, note);
    if (st != ATL_OK)
        return st;
    const atl_engine_options options = paint_engine_options(&args, operands[0]);
    if (strcmp(operands[1], "pipeline") != 0)
        return atl_probe(&options, operands[1], args.in, args.out, NULL, note);
    atl_picture init = {0};
    st = paint_init_read(&args, &init, note);
    if (st == ATL_OK)
        st = paint_init_fit(&args, 0, &init, note);
    if (st == ATL_OK) {
        atl_rgb rgb;
        const atl_request request = paint_request(&args, &init, &rgb);
        st = atl_probe(&options, operands[1], args.in, args.out, &request, note);
    }
    atl_picture_done(&init);
    return st;
}

int command_model_probe(int argc, char **argv)
{
    atl_option rows[PAINT_MAX_ROWS];
    const atl_command command = {
        .name = "atelier model probe",
        .operands = "MODEL PART [PROMPT]",
        .summary =
            "Runs one part of the engine on tensors of a safetensors file, in diffusers' names and layouts.\n"
            "PART: text_encoder, unet, vae_decode, vae_encode, or pipeline, which takes a prompt and the\n"
            "options of paint.",
        .options = rows,
        .n_options = paint_rows(true, rows),
        .least_operands = 2,
        .most_operands = 3,
    };
    paint_args args = paint_args_new();
    atl_note note = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    const atl_status st = probe(&args, operands, n, &note);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}

/* ---- tokenize ---- */

typedef struct tokenize_args {
    bool second;
} tokenize_args;

/* One line without its newline, in place of what `line` held. False at the end of the input. */
static bool read_line(FILE *in, atl_text *line)
{
    line->length = 0;
    atl_text_puts(line, "");
    int c;
    while ((c = getc_unlocked(in)) != EOF && c != '\n')
        if (line->length <= MAX_LINE_BYTES) /* one byte more than the bound tells that it was passed */
            atl_text_putc(line, (char)c);
    return c != EOF || line->length > 0;
}

static atl_status tokenize_lines(const atl_token_probe *tokenizer, atl_note *note)
{
    atl_text line = {0}, out = {0};
    atl_status st = ATL_OK;
    for (size_t number = 1; st == ATL_OK && read_line(stdin, &line); number++) {
        out.length = 0;
        if (line.length > MAX_LINE_BYTES)
            st = atl_fail(note, ATL_BAD_INPUT, "has over %zu bytes", MAX_LINE_BYTES);
        else
            st = atl_token_probe_line(tokenizer, line.data, line.length, &out, note);
        if (st == ATL_OK && (line.failed || out.failed))
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for it");
        if (st == ATL_OK)
            puts(out.data ? out.data : "");
        else
            atl_note_prefix(note, "stdin:%zu", number);
    }
    atl_text_done(&line);
    atl_text_done(&out);
    return st;
}

int command_model_tokenize(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"second", '2', ATL_OPTION_FLAG, offsetof(tokenize_args, second), NULL, NULL, 0, 0, NULL, NULL,
         "the second tokenizer (SDXL)"},
    };
    static const atl_command command = {
        .name = "atelier model tokenize",
        .operands = "MODEL",
        .summary =
            "Reads lines of JSON strings from stdin and prints lines of id arrays: start and end included, "
            "not padded,\nnot cut. MODEL is a diffusers folder.",
        .options = rows,
        .n_options = ATL_COUNT(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    tokenize_args args = {0};
    atl_note note = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_token_probe *tokenizer = NULL;
    atl_status st = atl_token_probe_open(operands[0], args.second ? 1 : 0, &tokenizer, &note);
    if (st == ATL_OK)
        st = tokenize_lines(tokenizer, &note);
    atl_token_probe_close(&tokenizer);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}

/* ---- schedule ---- */

typedef struct schedule_args {
    const char *sampler;
    int64_t steps;
    double strength;
} schedule_args;

int command_model_schedule(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"sampler", 0, ATL_OPTION_STRING, offsetof(schedule_args, sampler), "NAME", NULL, 0, 0,
         "ATELIER_SAMPLER", NULL, "otherwise the checkpoint's own"},
        {"steps", 0, ATL_OPTION_INT, offsetof(schedule_args, steps), "N", NULL, 1, MAX_STEPS, "ATELIER_STEPS",
         "20", "denoising steps"},
        {"strength", 0, ATL_OPTION_REAL, offsetof(schedule_args, strength), "X", NULL, LEAST_STRENGTH, 1,
         NULL, "1", "the part of the schedule that image to image runs"},
    };
    static const atl_command command = {
        .name = "atelier model schedule",
        .operands = "MODEL",
        .summary = "Prints a sampler's timesteps and sigmas for this checkpoint as JSON.",
        .options = rows,
        .n_options = ATL_COUNT(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    schedule_args args = {0};
    atl_note note = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_text text = {0};
    const atl_status st =
        atl_schedule_probe(operands[0], args.sampler, (int)args.steps, args.strength, &text, &note);
    if (st == ATL_OK)
        puts(text.data);
    atl_text_done(&text);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
