/* OLS and WLS over many slices. */
#ifndef MODELRUN_OLS_H
#define MODELRUN_OLS_H

#include "frame.h"
#include "inference.h"
#include "meat.h"

enum Constant { CONSTANT_DETECT = -1, CONSTANT_ABSENT = 0, CONSTANT_PRESENT = 1 };

/* Columns of the statistics array; ols.py reads them by the same names. */
enum LinearStatistic {
    LIN_NOBS,
    LIN_K_CONSTANT,
    LIN_DF_MODEL,
    LIN_DF_RESID,
    LIN_DF_INFERENCE,
    LIN_SSR,
    LIN_SCALE,
    LIN_TSS,
    LIN_R_SQUARED,
    LIN_ADJ_R_SQUARED,
    LIN_LOG_LIK,
    LIN_AIC,
    LIN_BIC,
    LIN_F,
    LIN_F_P,
    LIN_CONDITION,
    LIN_ETA,
    LIN_MIN_SLACK, /* smallest 1 - h, where the covariance needed leverages */
    LIN_CLUSTERS,
    LIN_COUNT
};

typedef struct {
    Sandwich sandwich;
    int use_t;
    int constant;        /* enum Constant */
    int robust_f;        /* the Wald F of a robust covariance is wanted */
    int exact_condition; /* kappa_2 for every fit instead of a bound where the bound suffices */
    double level;        /* of the confidence intervals */
} LinearOptions;

typedef struct {
    Coefficients coefficients;
    double *statistics; /* fits * LIN_COUNT */
    double *cov;        /* fits * p * p or NULL */
    double *fitted;     /* one a row of the slices, one slice after the other, or NULL */
    double *resid;
    int8_t *status;
    uint16_t *reasons;
} LinearOutput;

/* Fit slices of a panel.  Returns 0, or -1 when memory ran out. */
int ols_fit(const Frame *frame, const int32_t *group, int32_t groups, const int64_t *start,
            const int64_t *stop, ptrdiff_t fits, const LinearOptions *options,
            const LinearOutput *out);

/* Sums of one fit. */
typedef struct {
    int p;
    double n;
    int k_constant;
    int constant_at; /* the first column that is a constant, or -1 */
    double within;   /* squares that the rows leave out, because each stands for several */
    double about_mean;   /* squares about the weighted mean, where the rows leave some out */
    double ssr, yy, tss; /* yy = y'y (weighted), tss centred where there is a constant */
    double sum_log_weight;
    int weighted;
} LinearMoments;

/* Everything that follows from them. */
void linear_statistics(const LinearMoments *m, double *statistics);

/* One fit at a time; its rows become the basis. */
typedef struct {
    Rows rows;
    Meat meat;
    double *e, *z, *h, *c, *r, *inverse, *square, *b, *variance, *scratch;
    void *block;
} LinearWork;

/* 0 when memory ran out; to be closed in either case. */
int linear_open(LinearWork *w, ptrdiff_t rows, int p, const Sandwich *s, int32_t groups,
                int weighted);
void linear_close(LinearWork *w);

/* Basis, estimates and residuals of w->rows, which n, yy and within of m belong to; whether there
 * is a constant, and ssr.  Returns the status.
 */
int linear_basis(LinearWork *w, int p, const LinearOptions *o, LinearMoments *m, double *s,
                 unsigned *reasons);

/* Statistics once tss is known, and the gate. */
void linear_gate(LinearWork *w, int p, const LinearOptions *o, const LinearMoments *m, double *s,
                 unsigned *reasons);

/* The gate of HC2 and HC3, once the smallest 1 - h is known. */
void linear_leverage_gate(const LinearWork *w, int p, const double *s, unsigned *reasons);

/* Covariance and inference; w->e holds what the rows of the basis are multiplied by. */
void linear_publish(LinearWork *w, int p, ptrdiff_t f, const LinearOptions *o,
                    const LinearMoments *m, const Clusters *clusters, const LinearOutput *out,
                    Quantiles *quantiles, unsigned *reasons);

#endif
