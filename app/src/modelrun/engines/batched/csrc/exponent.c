/* exp(x) = 2^k exp(r) with |r| <= log(2) / 2, where Taylor's series to the power 13 is exact to 4e-18
 * (Cody and Waite 1980, chapter 6).  There is no branch, so that compilers do several at once: a
 * third of a bootstrap of Poisson models was calls of the C library, which still does what is too
 * large or too small for a normal number.
 */
#include "exponent.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "versioned.h"

#define LARGEST 708.0
#define SHIFT 0x1.8p52 /* added, it leaves the nearest integer in the last bits */
#define LOG2_E 0x1.71547652b82fep0
#define LN2_HIGH 0x1.62e42fefap-1 /* k times it is exact */
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define SERIES 12

static const double INVERSE_FACTORIAL[SERIES] = {
    0x1.6124613a86d09p-33, /* 1 / 13! */
    0x1.1eed8eff8d898p-29, 0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5cp-22, 0x1.71de3a556c734p-19,
    0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10, 0x1.1111111111111p-7,
    0x1.5555555555555p-5,  0x1.5555555555555p-3,  0x1p-1,
};

VERSIONED
void exp_each(const double *x, double *out, ptrdiff_t n)
{
    enum { BLOCK = 64 };
    double kept[BLOCK];
    for (ptrdiff_t at = 0; at < n; at += BLOCK) {
        const ptrdiff_t count = n - at < BLOCK ? n - at : BLOCK;
        int beyond = 0;
        memcpy(kept, x + at, (size_t)count * sizeof(double));
        for (ptrdiff_t i = 0; i < count; ++i)
            beyond |= !(fabs(kept[i]) <= LARGEST);
        for (ptrdiff_t i = 0; i < count; ++i) {
            double shifted = kept[i] * LOG2_E + SHIFT, k = shifted - SHIFT;
            double r = (kept[i] - k * LN2_HIGH) - k * LN2_LOW, power;
            uint64_t bits;
            memcpy(&bits, &shifted, sizeof bits);
            bits = (bits + 1023) << 52;
            memcpy(&power, &bits, sizeof power);
            double q = INVERSE_FACTORIAL[0];
            for (int term = 1; term < SERIES; ++term)
                q = q * r + INVERSE_FACTORIAL[term];
            out[at + i] = (1.0 + (r + r * r * q)) * power;
        }
        for (ptrdiff_t i = 0; beyond && i < count; ++i)
            if (!(fabs(kept[i]) <= LARGEST))
                out[at + i] = exp(kept[i]);
    }
}
