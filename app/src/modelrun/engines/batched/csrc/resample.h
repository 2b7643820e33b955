/* Bootstrap replicates of one slice by counts of its distinct rows. */
#ifndef MODELRUN_RESAMPLE_H
#define MODELRUN_RESAMPLE_H

#include "draw.h"
#include "likelihood.h"
#include "ols.h"
#include "quantreg.h"

/* Distinct rows: `patterns` are distinct rows of the design (and offset, and cluster), `pairs`
 * distinct rows of pattern and response (and weight).
 */
typedef struct {
    int p;
    ptrdiff_t patterns, pairs, rows;
    const double *const *x;    /* patterns each; NULL is a column of ones */
    const double *offset;      /* patterns, or NULL */
    const double *y;           /* pairs */
    const double *weight;      /* pairs, or NULL */
    const int32_t *group;      /* patterns: which cluster, or NULL */
    int32_t groups;
    const int32_t *pattern_of; /* pairs: which pattern */
    const int32_t *pair_of;    /* rows: which pair, -1 where a value is missing */
} Distinct;

/* GLM, Logit, Probit and Poisson; no robust covariances, no weights, statsmodels' default scale, and
 * the null model only without an offset.  Return 0, or -1 when memory ran out.
 */
int resample_likelihood(const Distinct *d, const Draw *draw, const int64_t *replicate,
                        ptrdiff_t fits, const LikelihoodOptions *options,
                        const LikelihoodOutput *out);

/* The same models with what else they have, but HAC; every pattern is one pair here, and `frame`
 * holds their design and response.
 */
int resample_rows(const Frame *frame, const LikelihoodInputs *inputs, const Distinct *d,
                  const Draw *draw, const int64_t *replicate, ptrdiff_t fits,
                  const LikelihoodOptions *options, const LikelihoodOutput *out);

/* OLS and WLS; every covariance but HAC, which needs the order of the drawn rows. */
int resample_ols(const Distinct *d, const Draw *draw, const int64_t *replicate, ptrdiff_t fits,
                 const LinearOptions *options, const LinearOutput *out);

/* Either solver; out holds no covariances, fitted values and residuals. */
int resample_quantile(const Distinct *d, const Draw *draw, const int64_t *replicate,
                      ptrdiff_t fits, const QuantileOptions *options, const QuantileOutput *out);

#endif
