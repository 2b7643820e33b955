/* One bootstrap replicate of a likelihood model, as counts and sums by pattern.  Weights depend on
 * the mean alone, so that these are all that the equations of an iteration need; deviances need each
 * pair where the family is not Poisson with log or binomial with logit ("simple").
 */
#ifndef MODELRUN_REPLICATE_H
#define MODELRUN_REPLICATE_H

#include "resample.h"

typedef struct {
    const Distinct *d;
    const Family *family;
    ptrdiff_t ld, padded;
    int simple;
    double *x, *count, *sum, *linear, *previous, *mu, *slope, *var, *w, *score, *pairs;
    double *log_factorials,
        *entropy; /* of each pair, simple: log y!, and the saturated term of the deviance */
    double *pair_mu, *pair_linear, *pair_slope, *pair_var; /* of each pair, not simple */
    double *l, *r, *inverse, *square, *b, *g, *variance, *scratch;
    double n, total, constant, log_factorial;
} Replicate;

/* Whether the family is Poisson; where it is simple it is binomial otherwise. */
int replicate_poisson(const Replicate *w);

/* Counts and sums of the patterns from the counts of the pairs. */
void replicate_collect(Replicate *w);

/* Linear predictors at w->b; the old ones are kept in w->previous. */
void replicate_predict(Replicate *w);

/* Means, weights and scores at the linear predictors; 0 when one is not finite. */
int replicate_evaluate(Replicate *w, int newton);

double replicate_deviance(Replicate *w);
double replicate_log_lik(Replicate *w, int newton, double scale);
double replicate_pearson(Replicate *w);

/* The estimate of the scale at the means: Pearson's where the family has one, else 1. */
double replicate_scale(Replicate *w);

/* The means of the pairs' patterns into pair_mu. */
void replicate_pair_means(Replicate *w);

/* As likelihood_separated, see separation.c. */
int replicate_separated(const Replicate *w);

#endif
