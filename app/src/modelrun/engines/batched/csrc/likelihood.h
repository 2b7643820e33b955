/* Generalized linear models by IRLS, and Logit, Probit and Poisson by Newton's method. */
#ifndef MODELRUN_LIKELIHOOD_H
#define MODELRUN_LIKELIHOOD_H

#include "family.h"
#include "frame.h"
#include "inference.h"
#include "meat.h"

/* Columns of the statistics array; likelihood.py reads them by the same names. */
enum LikelihoodStatistic {
    LIK_NOBS,
    LIK_DF_MODEL,
    LIK_DF_RESID,
    LIK_DF_INFERENCE,
    LIK_SCALE,
    LIK_DEVIANCE,
    LIK_NULL_DEVIANCE,
    LIK_PEARSON_CHI2,
    LIK_LOG_LIK,
    LIK_LL_NULL,
    LIK_AIC,
    LIK_BIC,
    LIK_R2_MCFADDEN,
    LIK_R2_COX_SNELL,
    LIK_LLR,
    LIK_LLR_P,
    LIK_ITERATIONS,
    LIK_CONVERGED,
    LIK_SEPARATED,
    LIK_CONDITION,
    LIK_ETA,
    LIK_CLUSTERS,
    LIK_COUNT
};

enum ScaleType { SCALE_DEFAULT, SCALE_X2, SCALE_DEVIANCE, SCALE_GIVEN };

typedef struct {
    int newton; /* 0: IRLS of GLM; 1: Newton's method of Logit, Probit and Poisson */
    int family, link;
    double alpha;
    int scale_type;
    double scale;
    int max_iterations;
    double tolerance;
    Sandwich sandwich;
    int use_t;
    int null_model;
    double level;
} LikelihoodOptions;

/* Columns beside the design; any may be NULL.  A row with a count stands for so many drawn rows. */
typedef struct {
    const double *offset, *freq, *var, *count;
} LikelihoodInputs;

typedef struct {
    Coefficients coefficients;
    double *statistics; /* fits * LIK_COUNT */
    double *cov;        /* fits * p * p or NULL */
    double *fitted;     /* means, one a row of the slices, one slice after the other, or NULL */
    double *linear;     /* linear predictors in the same layout, or NULL */
    int8_t *status;
    uint16_t *reasons;
} LikelihoodOutput;

typedef struct {
    Rows rows;
    Meat meat;
    const double *design; /* ld * k columns that are fitted: rows.x, or ones for the null model */
    int k;
    double *offset, *var, *count;
    double *freq, *weight; /* freq * count, and that * var; each NULL when ones */
    double *q, *linear, *previous, *mu, *slope, *variance, *w, *z, *e, *ones;
    double *r, *inverse, *square, *c, *b, *step, *scratch, *coefficient_variance;
    double sum_freq;
    Family family;
    Quantiles quantiles;
    void *block;
} LikelihoodWork;

/* What an iteration came to. */
typedef struct {
    int status;
    unsigned reasons;
    int iterations, converged;
    double scale, deviance;
    double change, change_before; /* what the stop test looks at, in the last two iterations */
    double yy, ssr;               /* of the last regression of IRLS */
} Iterated;

int irls(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o, const double *start,
         Iterated *result);
/* Stop tests are left to statsmodels within this share of their tolerance.  Newton's last steps
 * and changes of the deviance agree with statsmodels' to about 1e-7 of it on ordinary data; what
 * ill-conditioned data add comes on top, in proportion to eta.
 */
#define BORDERLINE 1e-5

/* Whether rounding may have decided at which iteration IRLS stopped, or Newton's method. */
int irls_borderline(const LikelihoodOptions *o, const Iterated *result, double n, double eta);
int newton_borderline(const LikelihoodOptions *o, const Iterated *result, const double *b, int k,
                      double eta);
int newton(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o, const double *start,
           Iterated *result);

/* QR of sqrt(weight) * design; w->slope becomes the roots of the weights; OK or a status. */
int likelihood_factor(LikelihoodWork *w, const double *weight);

/* Whether the last step of the linear predictor certifies separation. */
int likelihood_separated(const LikelihoodWork *w, const Family *family);

/* How near a probability comes to its response; 1 for other families. */
double likelihood_nearest(const LikelihoodWork *w, const Family *family);

/* Whether a fit that was not certified may separate even so.  Steps die away as means reach their
 * responses, with CLogLog most of all; what is left to tell is that next to nothing informs some
 * coefficient, by the variances of the inverse factor.
 */
int separation_unsure(const Family *family, double nearest, const double *x, ptrdiff_t ld,
                      ptrdiff_t padded, const double *inverse, int p);

/* Whether the log-likelihood of a gamma is the difference of terms, 1 / scale large, that leave less
 * of it than the contract wants.
 */
int likelihood_lost(const Family *family, double scale);

/* Whether a constant alone fits perfectly: its log-likelihood, which others are divided by, is then
 * rounding.  NaN, where there is none, is not.
 */
int likelihood_null_lost(const double *s);

/* Log-likelihood of Logit, Probit or Poisson at the linear predictors. */
double discrete_log_lik(const LikelihoodWork *w, const Family *family);

/* Room for fits of at most so many rows; 0 when there is none. Close it in any case. */
int likelihood_open(LikelihoodWork *w, ptrdiff_t rows, int p, const LikelihoodInputs *inputs,
                    int32_t groups, const LikelihoodOptions *options);
void likelihood_close(LikelihoodWork *w);

/* Fit f of the output: the kept rows of a range; what is not known of it is NaN. */
void likelihood_one(LikelihoodWork *w, const Clusters *rows, const Frame *frame,
                    const LikelihoodInputs *inputs, ptrdiff_t f, const LikelihoodOptions *options,
                    const LikelihoodOutput *out);

/* Returns 0, or -1 when memory ran out. */
int likelihood_fit(const Frame *frame, const LikelihoodInputs *inputs, const int32_t *group,
                   int32_t groups, const int64_t *start, const int64_t *stop, ptrdiff_t fits,
                   const LikelihoodOptions *options, const LikelihoodOutput *out);

#endif
