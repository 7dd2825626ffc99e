/* safetensors.h - a safetensors file: mapped, checked whole before anything is used, and written.
 *
 * Strict: header at most 100 MB and within the file; every tensor's bytes are shape × dtype (with overflow
 * seen), inside the file, without overlaps, holes or duplicate names. Format: huggingface/safetensors,
 * README. */
#ifndef ATL_MODEL_SAFETENSORS_H
#define ATL_MODEL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"

#define ATL_MAX_RANK 8

typedef enum atl_st_dtype {
    ATL_ST_F32,
    ATL_ST_F16,
    ATL_ST_BF16,
    ATL_ST_F64,
    ATL_ST_I64,
    ATL_ST_I32,
    ATL_ST_I16,
    ATL_ST_I8,
    ATL_ST_U8,
    ATL_ST_BOOL,
    /* known to the format, converted by nobody here: such a tensor is an error only where it is wanted */
    ATL_ST_U64,
    ATL_ST_U32,
    ATL_ST_U16,
    ATL_ST_F8_E4M3,
    ATL_ST_F8_E5M2
} atl_st_dtype;

const char *atl_st_dtype_name(atl_st_dtype dtype); /* "F32", … */
size_t atl_st_dtype_bytes(atl_st_dtype dtype);

typedef struct atl_st_tensor {
    const char *name; /* owned by the file */
    atl_st_dtype dtype;
    int rank;
    size_t shape[ATL_MAX_RANK];
    const uint8_t *data; /* into the mapping; unaligned */
    size_t n_bytes;
} atl_st_tensor;

typedef struct atl_safetensors atl_safetensors;

/* Errors: ATL_NOT_FOUND, ATL_IO, ATL_BAD_INPUT, ATL_NO_MEMORY; the note names file, tensor and offset. */
atl_status atl_safetensors_open(const char *path, atl_safetensors **ret_file, atl_note *note);
/* The same checks over bytes that stay the caller's (`name` is for messages): for tests and fuzzing.
 * Errors: ATL_BAD_INPUT, ATL_NO_MEMORY. */
atl_status atl_safetensors_open_bytes(const char *name, const uint8_t *data, size_t size,
                                      atl_safetensors **ret_file, atl_note *note);
void atl_safetensors_close(atl_safetensors **file);

const char *atl_safetensors_path(const atl_safetensors *file);
size_t atl_safetensors_count(const atl_safetensors *file);
const atl_st_tensor *atl_safetensors_at(const atl_safetensors *file, size_t i);           /* sorted by name */
const atl_st_tensor *atl_safetensors_find(const atl_safetensors *file, const char *name); /* or NULL */
/* "__metadata__": the value of a key, or NULL. */
const char *atl_safetensors_metadata(const atl_safetensors *file, const char *key);
/* Bytes [begin, end) of a tensor: lets the system begin to read them; lets it drop the pages of what was
 * converted. Any thread. */
void atl_safetensors_want(const atl_safetensors *file, const atl_st_tensor *tensor, size_t begin, size_t end);
void atl_safetensors_forget(const atl_safetensors *file, const atl_st_tensor *tensor, size_t begin,
                            size_t end);

/* Converts elements [first, first + n) to f32. Errors: ATL_UNSUPPORTED (not a float type), ATL_BAD_INPUT (NaN
 * or Inf: which element). */
atl_status atl_st_to_f32(const atl_st_tensor *tensor, size_t first, size_t n, float *out, atl_note *note);

/* Writing: add tensors (names and data stay the caller's until _write; shapes are copied), then write the
 * file atomically. Running out of memory while adding is said by _write. Errors of
 * opening: ATL_NO_MEMORY. */
typedef struct atl_st_writer atl_st_writer;
atl_status atl_st_writer_open(atl_st_writer **ret_writer, atl_note *note);
void atl_st_writer_add(atl_st_writer *writer, const char *name, atl_st_dtype dtype, int rank,
                       const size_t *shape, const void *data);
/* A tensor whose bytes are made while the file is written, so that files larger than memory can be: `fill`
 * is called for elements [first, first + n) in order, piece by piece, and writes them to `out`. */
typedef void (*atl_st_fill)(void *user, size_t first, size_t n, void *out);
void atl_st_writer_add_stream(atl_st_writer *writer, const char *name, atl_st_dtype dtype, int rank,
                              const size_t *shape, atl_st_fill fill, void *user);
/* Adds "__metadata__": {key: value}. */
void atl_st_writer_metadata(atl_st_writer *writer, const char *key, const char *value);
/* Errors: ATL_IO, ATL_NO_MEMORY, ATL_BAD_INPUT (two tensors of one name, a size that overflows). */
atl_status atl_st_writer_write(atl_st_writer *writer, const char *path, atl_note *note);
void atl_st_writer_close(atl_st_writer **writer);

#endif
