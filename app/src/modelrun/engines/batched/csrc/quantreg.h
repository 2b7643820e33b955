/* Quantile regression by statsmodels' iteratively reweighted least squares, or to its optimum. */
#ifndef MODELRUN_QUANTREG_H
#define MODELRUN_QUANTREG_H

#include "frame.h"
#include "inference.h"

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

enum DensityKernel { EPANECHNIKOV, BIWEIGHT, COSINE, GAUSS, PARZEN };
enum Bandwidth { HALL_SHEATHER, BOFINGER, CHAMBERLAIN };

typedef struct {
    double q;
    int robust; /* 1: sandwich with the density at zero; 0: iid */
    int kernel, bandwidth;
    int max_iterations;
    double tolerance;
    int check; /* run again on nudged responses and hand over what does not stay */
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

/* Returns 0, or -1 when memory ran out. */
int quantile_fit(const Frame *frame, const int64_t *start, const int64_t *stop, ptrdiff_t fits,
                 const QuantileOptions *options, const QuantileOutput *out);

#endif
