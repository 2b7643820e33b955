/* Quantile regression to its optimum: interior point, then the vertex beneath it. */
#ifndef MODELRUN_FRISCH_H
#define MODELRUN_FRISCH_H

#include <stddef.h>

typedef struct {
    double *a, *s, *z, *w, *cost, *weight, *da, *ds, *dz, *dw, *slope, *t; /* one a row */
    double *normal, *inverse, *rows;                                       /* p * p */
    double *dual, *step, *right, *gamma, *offset;                          /* p */
    ptrdiff_t *basis;
    void *block, *breaks;
} Frisch;

enum FrischEnd {
    FRISCH_OPTIMAL = 0,
    FRISCH_NOT_UNIQUE = 1, /* optimal, or nearly: other estimates may be as good */
    FRISCH_LOST = 2        /* a perfect fit, or no vertex was found */
};

int frisch_open(Frisch *f, ptrdiff_t rows, int p);
void frisch_close(Frisch *f);

/* Minimise the check loss of y - Q c over c, for a basis Q with orthonormal columns (`ld` apart,
 * `padded` rows of which n count, the others zero).  Fills c (p) and the residuals e (padded),
 * which are exactly zero in the p rows of the vertex; adds to `steps` what it took.
 */
int frisch_solve(Frisch *f, const double *q, ptrdiff_t ld, int p, const double *y, ptrdiff_t n,
                 ptrdiff_t padded, double share, double *c, double *e, int *steps);

#endif
