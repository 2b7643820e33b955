/* One bootstrap replicate of a Poisson or logistic regression, as counts and sums by pattern. */
#ifndef MODELRUN_REPLICATE_H
#define MODELRUN_REPLICATE_H

#include "resample.h"

typedef struct {
    const Distinct *d;
    const Family *family;
    ptrdiff_t ld, padded;
    double *x, *count, *sum, *linear, *previous, *mu, *w, *score, *pairs;
    double *log_factorials,
        *entropy; /* of each pair: log y!, and the saturated term of the deviance */
    double *l, *r, *inverse, *square, *b, *g, *variance, *scratch;
    double n, total, constant, squares;
} Replicate;

/* Whether the family is Poisson; it is binomial otherwise. */
int replicate_poisson(const Replicate *w);

/* Counts and sums of the patterns from the counts of the pairs. */
void replicate_collect(Replicate *w);

/* Linear predictors at w->b; the old ones are kept in w->previous. */
void replicate_predict(Replicate *w);

/* Means, weights and scores at the linear predictors; 0 when one is not finite. */
int replicate_evaluate(Replicate *w);

double replicate_deviance(const Replicate *w);
double replicate_log_lik(const Replicate *w, int newton);
double replicate_pearson(const Replicate *w);

/* As likelihood_separated, see separation.c. */
int replicate_separated(const Replicate *w);

#endif
