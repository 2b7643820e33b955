/* Bootstrap replicates of likelihood models by the distinct rows that were drawn, each once with its
 * count: where the counts of patterns do not hold all that is asked for (weights, robust
 * covariances, null models with an offset).  The iterates are those of irls.c and newton.c with
 * every row's part multiplied by its count.
 */
#include <stdlib.h>

#include "resample.h"
#include "vec.h"

int resample_rows(const Frame *frame, const LikelihoodInputs *inputs, const Distinct *d,
                  const Draw *draw, const int64_t *replicate, ptrdiff_t fits,
                  const LikelihoodOptions *options, const LikelihoodOutput *out)
{
    LikelihoodWork w;
    double *count = aligned_doubles(d->pairs + 1);
    uint8_t *drawn = malloc((size_t)d->pairs + 1);
    Frame rows = *frame;
    LikelihoodInputs counted = *inputs;
    rows.keep = drawn;
    counted.count = count;
    int enough = likelihood_open(&w, d->pairs, d->p, &counted, d->groups, options);
    enough = enough && count != NULL && drawn != NULL;
    for (ptrdiff_t f = 0; enough && f < fits; ++f) {
        draw_counts(draw, (uint64_t)replicate[f], d->rows, d->pair_of, d->pairs, count);
        for (ptrdiff_t i = 0; i < d->pairs; ++i)
            drawn[i] = count[i] > 0;
        Clusters clusters = {d->group, drawn, 0, d->pairs, (int32_t)(f + 1), NULL};
        likelihood_one(&w, &clusters, &rows, &counted, f, options, out);
    }
    free(count);
    free(drawn);
    likelihood_close(&w);
    return enough ? 0 : -1;
}
