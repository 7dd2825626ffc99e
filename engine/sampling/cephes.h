/* cephes.h - log, sine and cosine in single precision that give the same bits on every machine.
 *
 * The polynomials are Moshier's (Cephes, 1988); the order of operations, each product fused into the sum that
 * follows it, is that of torch's x86 builds, so that Box–Muller gives torch's bits. libm would not do: its
 * last bit differs between systems. Not for general use: see the ranges.
 *
 * Threads: any. */
#ifndef ATL_SAMPLING_CEPHES_H
#define ATL_SAMPLING_CEPHES_H

/* ln x for normal x > 0; at most 2 units in the last place off. */
float atl_cephes_log(float x);

/* Sine and cosine of 0 <= x <= 8; off by at most 1e-7. */
void atl_cephes_sincos(float x, float *ret_sin, float *ret_cos);

#endif
