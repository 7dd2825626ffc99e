/* bench_rows.h - what a benchmark found, as rows, and the formats that rows are written in. */
#ifndef ATL_CLI_BENCH_ROWS_H
#define ATL_CLI_BENCH_ROWS_H

#include "base/status.h"
#include "base/text.h"

/* Figures that are not known are NAN, texts "". */
typedef struct bench_row {
    char kind[12];  /* "stage", "layer", "ceiling" */
    char name[48];  /* "unet_step"; "conv3x3 320>320 @64x64"; "triad_streaming" */
    char stage[16]; /* that a layer belongs to */
    char policy[16], isa[16];
    int threads, width, height, batch;
    int n;                          /* repetitions */
    char unit[12];                  /* of the next four: "ms"; a ceiling's "GB/s" */
    double median, mean, sd, least; /* least: the smallest time or latency, the largest rate */
    int calls;                      /* a layer's, in one run of its stage */
    double gflop, mb;               /* of one run, from shapes */
    double gflops, gbps;            /* at the median */
    double peak_gflops, peak_gbps;  /* the ceilings, measured in the same run on as many threads */
    double of_peak, of_bandwidth;   /* % of them */
    double of_roof;                 /* % of min(peak, bandwidth · flops a byte) */
} bench_row;

/* What holds for all rows. */
typedef struct bench_about {
    const char *started, *version, *machine, *model, *model_hash, *command;
    int n_cores;
    double ceiling_drift; /* %: the largest change of a ceiling from the run's begin to its end */
    double steal, foreign_load, run_delay, cpu_pressure; /* %, while it ran; NAN: not known */
} bench_about;

/* The median, mean, deviation and least of values[n], which are sorted. */
void bench_summarise(double *values, int n, bench_row *row);

/* Fills gflops … of_roof from median (in ms), gflop, mb and the peaks. */
void bench_set_shares(bench_row *row);

/* `format`: "md", "csv", "json", "jsonl", "sql". */
void bench_write(const char *format, const bench_about *about, const bench_row *rows, size_t n,
                 atl_text *out);

/* A roofline (Williams, Waterman, Patterson 2009): the ceilings of the most threads as lines, stages and
 * layers as dots. One whole SVG file. */
void bench_write_roofline(const bench_about *about, const bench_row *rows, size_t n, atl_text *out);

#endif
