/* The likelihood of a state space model of one series, with the bits that statsmodels gets. */
#ifndef MODELRUN_KALMAN_H
#define MODELRUN_KALMAN_H

#include <stddef.h>

/* In which order OpenBLAS adds up; it has been found out by comparing bits. */
typedef enum {
    SUMS_AVX2,   /* Haswell, Zen */
    SUMS_AVX512, /* SkylakeX and what came after it */
} Sums;

typedef struct {
    ptrdiff_t nobs, states;
    const double *endog;         /* nobs; NaN is missing */
    const double *obs_intercept; /* one, or one for each observation */
    ptrdiff_t obs_moves;         /* 0, or 1 */
    double obs_cov;
    const double *design;     /* states */
    const double *transition; /* states x states, by column, as all matrices */
    const double *intercept;  /* states, or those of each observation one after the other */
    ptrdiff_t moves;          /* 0, or states */
    const double *selection;  /* states */
    double variance;
    const double *initial, *initial_cov;
    double tolerance; /* squared change from which on the covariance is constant; 0 for never */
    Sums sums;
} Kalman;

/* loglikelihood[t] for each observation; 1 where the filter is not defined, -1 without memory */
int kalman_loglikelihood(const Kalman *model, double *loglikelihood);

#endif
