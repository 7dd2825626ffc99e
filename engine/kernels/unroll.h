/* unroll.h - loops that are gone when the code runs, as registers cannot be indexed at run time (private to
 * kernels/). */
#ifndef ATL_KERNELS_UNROLL_H
#define ATL_KERNELS_UNROLL_H

/* Before a loop whose bounds are constants: arrays of vectors are registers only if the loops over them are
 * gone. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* X(1) … X(11) or X(14): cases of a switch over how many rows there are, each compiled with its number. */
#define CASES_TO_11(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CASES_TO_14(X) CASES_TO_11(X) X(12) X(13) X(14)

#endif
