/* sizes.h - arithmetic on sizes: of those that come from files with the overflow seen. */
#ifndef ATL_BASE_SIZES_H
#define ATL_BASE_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *ret = a · b, or false where that does not fit (then *ret is unspecified). */
static inline bool atl_size_mul(size_t a, size_t b, size_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static inline bool atl_size_add(size_t a, size_t b, size_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

/* The least multiple of `unit` (a power of two) that is at least `n`. */
static inline size_t atl_round_up(size_t n, size_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

static inline size_t atl_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* a / b, rounded up. */
static inline size_t atl_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

#define ATL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
