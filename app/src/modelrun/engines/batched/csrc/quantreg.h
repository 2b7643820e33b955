/* Quantile regression by statsmodels' iteratively reweighted least squares, or to its optimum. */
#ifndef MODELRUN_QUANTREG_H
#define MODELRUN_QUANTREG_H

#include "frame.h"
#include "frisch.h"
#include "inference.h"
#include "meat.h"
#include "sparsity.h"

enum QuantileStatistic {
    QUANT_NOBS,
    QUANT_K_CONSTANT,
    QUANT_DF_MODEL,
    QUANT_DF_RESID,
    QUANT_PSEUDO_R2,
    QUANT_BANDWIDTH,
    QUANT_SPARSITY,
    QUANT_ITERATIONS,
    QUANT_CONVERGED,
    QUANT_CONDITION,
    QUANT_ETA,
    QUANT_COUNT
};

typedef struct {
    double q;
    int robust; /* 1: sandwich with the density at zero; 0: iid */
    int kernel, bandwidth; /* enums of sparsity.h */
    int max_iterations;
    double tolerance;
    int check; /* whether a twin goes beside each path */
    int use_t;
    int constant; /* enum Constant of ols.h */
    double level;
    int exact; /* the optimum, not statsmodels' iterates */
} QuantileOptions;

typedef struct {
    Coefficients coefficients;
    double *statistics; /* fits * QUANT_COUNT */
    double *cov, *fitted, *resid;
    int8_t *status;
    uint16_t *reasons;
} QuantileOutput;

/* Iteratively reweighted least squares on its way. */
typedef struct {
    double *w, *fitted, *b, *old, *square;
    double size;  /* of X'Wy in the last step */
    double moved; /* the most that a coefficient did in the last step */
    double apart; /* of a twin: how far its moves are from those of the path, relative to them */
} Path;

#define REMEMBERED 10 /* iterates, to see whether they cycle */

/* One fit at a time. */
typedef struct {
    Rows rows;     /* root: the roots of the counts */
    double *count; /* how often each row stands; NULL: once */
    Meat meat;
    Frisch frisch;
    double *basis; /* of the rows times their counts, for the optimum */
    Path path, twin;
    double *q, *z, *e;
    double *r, *inverse, *square, *c, *variance, *scratch, *history;
    Stacked *stacked;
    void *block;
} QuantileWork;

/* statsmodels' iterates; leaves the path and its twin where they ended. */
int quantile_irls(QuantileWork *w, int p, const QuantileOptions *o, int *iterations,
                  unsigned *reasons);

/* eps of the size of what residuals are the differences of: their rounding is some times that. */
double quantile_rounding(const QuantileWork *w, int p);

/* Whether a row's residual is nothing but rounding, so that its sign is, too. */
int quantile_signs_are_rounding(const QuantileWork *w, double rounding);

/* 0 when memory ran out; to be closed in either case. */
int quantile_open(QuantileWork *w, ptrdiff_t rows, int p, int counted, int exact);
void quantile_close(QuantileWork *w);

/* Fit w->rows as fit f; leaves fitted values and residuals in w.  Returns the status. */
int quantile_rows(QuantileWork *w, int p, ptrdiff_t f, const QuantileOptions *o,
                  const QuantileOutput *out, Quantiles *quantiles, unsigned *reasons);

/* Fit slices of a panel.  Returns 0, or -1 when memory ran out. */
int quantile_fit(const Frame *frame, const int64_t *start, const int64_t *stop, ptrdiff_t fits,
                 const QuantileOptions *options, const QuantileOutput *out);

#endif
