/* The middle of a robust covariance, in the basis of the columns. */
#ifndef MODELRUN_MEAT_H
#define MODELRUN_MEAT_H

#include "frame.h"

enum Covariance {
    COV_NONROBUST,
    COV_HC0,
    COV_HC1,
    COV_HC2,
    COV_HC3,
    COV_HAC,
    COV_CLUSTER,
    COV_FIXED
};

typedef struct {
    int covariance;
    int lags;          /* HAC; -1: floor(4 (n / 100)^(2/9)) */
    int uniform;       /* HAC kernel: 0 Bartlett, 1 uniform */
    int correction;    /* small-sample correction of HAC and cluster */
    int df_correction; /* cluster: df of inference is G - 1 */
    double fixed_scale;
} Sandwich;

/* Which cluster each row of the panel is in, and the rows of this fit. */
typedef struct {
    const int32_t *group;
    const uint8_t *keep;
    ptrdiff_t start, stop;
    int32_t mark; /* another one for every fit */
    const double *size; /* roots of the squares of e over all that a row stands for; NULL: e */
} Clusters;

typedef struct {
    void *block;
    double *u, *z, *lag_weights, *bread, *meat, *cov, *cluster_sums;
    int32_t *slot, *stamp;
    int clusters;  /* found by the last fill */
    double spread; /* sum of the absolute terms of the meat's trace, before they cancel */
} Meat;

int meat_open(Meat *m, ptrdiff_t rows, int p, const Sandwich *s, int32_t groups);
void meat_close(Meat *m);

/* Lags of a fit of n rows. */
int meat_lags(const Sandwich *s, double n);

/* m->meat from the rows of the basis times e; overwrites the basis; returns statsmodels' factor. */
double meat_fill(Meat *m, Rows *x, const double *e, int p, const Sandwich *s, const Clusters *c);

/* m->cov = factor * R^-1 meat R^-T */
void meat_sandwich(Meat *m, const double *inverse, int p, double factor);

/* Whether less is left of a robust variance than the contract wants: because terms of a relative
 * error cancelled, because the residuals behind it are rounding, whose mean square is given, or
 * because columns are so nearly collinear that statsmodels, which multiplies (X'X)^-1 with the meat
 * from both sides, loses the square of their condition number.
 */
int meat_cancels(const Meat *m, const double *r, const double *inverse, int p, double factor,
                 double error, double rounding);

#endif
