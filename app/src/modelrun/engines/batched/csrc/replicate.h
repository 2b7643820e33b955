/* One bootstrap replicate of a likelihood model, as counts and sums of the patterns that were drawn:
 * 63 % of all where none repeats itself.  Weights depend on the mean alone, so that these are all
 * that the equations of an iteration need; deviances need each pair where the family is not Poisson
 * with log or binomial with logit ("simple").
 */
#ifndef MODELRUN_REPLICATE_H
#define MODELRUN_REPLICATE_H

#include "resample.h"

typedef struct {
    const Distinct *d;
    const Family *family;
    int simple;
    ptrdiff_t ld, ld_pairs;     /* from column to column of x, of known */
    ptrdiff_t patterns, padded; /* that were drawn; the same to whole registers */
    int32_t *drawn, *place;     /* which patterns these are; of all, the place among them, or 0 */
    double *all_counts, *all_sums; /* of all patterns */
    double *x, *offset, *count, *sum, *linear, *previous, *mu, *slope, *var;
    double *w, *score; /* zeros from patterns to padded */
    double *pairs;     /* how often each was drawn */
    double *known;     /* of each pair: 1, y and, simple, the saturated term of the deviance, log y! */
    double *entropy, *log_factorials; /* the last two of these columns */
    double *pair_mu, *pair_linear, *pair_slope, *pair_var; /* of each pair */
    double *l, *r, *inverse, *b, *g, *variance;
    double n, total, constant, log_factorial; /* sums of the columns of known */
} Replicate;

/* Whether the family is Poisson; where it is simple it is binomial otherwise. */
int replicate_poisson(const Replicate *w);

/* The drawn patterns, their design, counts and sums, from the counts of the pairs. */
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

/* As likelihood_separated and likelihood_nearest, see separation.c. */
int replicate_separated(const Replicate *w);
double replicate_nearest(const Replicate *w);

#endif
