/* Bootstrap draws: which rows a replicate has, from a counter-based generator. */
#ifndef MODELRUN_DRAW_H
#define MODELRUN_DRAW_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t seed;
    ptrdiff_t block; /* rows in a moving block; 0: pairs, drawn one by one */
} Draw;

/* count[c] = how often replicate r of n rows holds a row of class c = class_of[row]; rows of class
 * -1 are left out.  Word u of Philox4x64-10 with key (seed, replicate) stands for floor((u >> 11) /
 * 2^53 * m).
 */
void draw_counts(const Draw *draw, uint64_t replicate, ptrdiff_t n, const int32_t *class_of,
                 ptrdiff_t classes, double *count);

#endif
