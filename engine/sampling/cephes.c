/* cephes.c - single precision log, sine and cosine after Moshier's Cephes library, with fused products.
 *
 * fmaf is written out wherever a product is rounded together with its sum; the tree is compiled with
 * -ffp-contract=off, so nothing else is fused and the bits depend on no compiler flag. */
#include "sampling/cephes.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/sizes.h"

/* ln(1 + x) ≈ x − x²/2 + x³·P(x) for √½ − 1 <= x <= √2 − 1 */
static const float log_coefficients[] = {7.0376836292E-2f,  -1.1514610310E-1f, 1.1676998740E-1f,
                                         -1.2420140846E-1f, 1.4249322787E-1f,  -1.6668057665E-1f,
                                         2.0000714765E-1f,  -2.4999993993E-1f, 3.3333331174E-1f};
#define LN2_HIGH 0.693359375f /* few bits, so that exponent × LN2_HIGH is exact */
#define LN2_LOW  (-2.12194440e-4f)

float atl_cephes_log(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    float exponent = (float)((int)(bits >> 23) - 126);
    bits = (bits & 0x807fffffu) | 0x3f000000u; /* the fraction in [½, 1) */
    float fraction;
    memcpy(&fraction, &bits, sizeof fraction);

    float r = fraction - 1.0f;
    if (fraction < 0.707106781186547524f) {
        exponent -= 1.0f;
        r += fraction;
    }
    float r2 = r * r;
    float p = log_coefficients[0];
    for (size_t i = 1; i < ATL_COUNT(log_coefficients); i++)
        p = fmaf(p, r, log_coefficients[i]);
    p = fmaf(p * r, r2, exponent * LN2_LOW);
    p = fmaf(-r2, 0.5f, p);
    return fmaf(exponent, LN2_HIGH, r + p);
}

void atl_cephes_sincos(float x, float *ret_sin, float *ret_cos)
{
    /* Octants, rounded up to even: x − octant·π/4 lies in [−π/4, π/4]; π/4 in three parts. */
    int octant = ((int)(x * 1.27323954473516f) + 1) & ~1;
    float turns = (float)octant;
    float r = fmaf(turns, -0.78515625f, x);
    r = fmaf(turns, -2.4187564849853515625e-4f, r);
    r = fmaf(turns, -3.77489497744594108e-8f, r);
    float r2 = r * r;

    float c = fmaf(r2, 2.443315711809948E-005f, -1.388731625493765E-003f);
    c = fmaf(c, r2, 4.166664568298827E-002f);
    c = fmaf(c * r2, r2, -(r2 * 0.5f)) + 1.0f;
    float s = fmaf(r2, -1.9515295891E-4f, 8.3321608736E-3f);
    s = fmaf(s, r2, -1.6666654611E-1f);
    s = fmaf(s * r2, r, r);

    bool swapped = (octant & 2) != 0;
    float sine = swapped ? c : s;
    float cosine = swapped ? s : c;
    *ret_sin = octant & 4 ? -sine : sine;
    *ret_cos = (octant - 2) & 4 ? cosine : -cosine;
}
