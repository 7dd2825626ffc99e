/* fetch.h - one tensor out of the weights, checked and as f32 rows; private to model/. */
#ifndef ATL_MODEL_FETCH_H
#define ATL_MODEL_FETCH_H

#include "model/loader.h"

/* Finds the tensor of `param`'s name and checks its shape. With `loose`, dimensions of 1 at the end may be
 * there or not ([n][m][1][1] for [n][m]). Errors: ATL_NOT_FOUND, ATL_BAD_INPUT, ATL_UNSUPPORTED; the note
 * names file, tensor, what was found and what was wanted. */
atl_status atl_fetch_find(const atl_weights *weights, const atl_param *param, bool loose, atl_weight *ret,
                          atl_note *note);
/* out[n][row_elements]: rows [first, first + n) of the weight as f32. Errors: as atl_st_to_f32. */
atl_status atl_fetch_rows(const atl_weight *weight, size_t row_elements, size_t first, size_t n, float *out,
                          atl_note *note);
/* Rows [first, first + n) will be read soon: the system may begin to fetch them. Any thread. */
void atl_fetch_want(const atl_weight *weight, size_t row_elements, size_t first, size_t n);
/* Their pages will not be read again. Any thread. */
void atl_fetch_forget(const atl_weight *weight, size_t row_elements, size_t first, size_t n);
/* The same of the whole tensor. */
void atl_fetch_forget_all(const atl_weight *weight);

#endif
