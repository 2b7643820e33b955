/* Separation from the iterates.  Where the maximum of the likelihood lies at infinity, the last
 * step of the linear predictor is a direction of recession (Albert and Anderson 1984): it moves
 * every observation towards its own side or not at all.  Without separation no such direction
 * exists, so its length need only be clear of rounding.
 */
#include <math.h>

#include "likelihood.h"
#include "qr.h"
#include "vec.h"

#define CLEAR 1e-6
#define AGAINST 1e-4
#define SUSPICIOUS 1e-6 /* where modelrun.engines.separation asks its linear program */
#define LOST 1e4 /* of a coefficient's variance where columns have length one; ten or so is usual */

int likelihood_separated(const LikelihoodWork *w, const Family *family)
{
    int binary = family->name == BINOMIAL;
    if (!binary &&
        !(family->link == LOG && (family->name == POISSON || family->name == NEGATIVE_BINOMIAL)))
        return 0;
    double toward = 0.0, against = 0.0;
    for (ptrdiff_t i = 0; i < w->rows.n; ++i) {
        double step = w->linear[i] - w->previous[i], y = w->rows.y[i];
        int free = binary ? y == 0 || y == 1 : y == 0;
        if (!free) {
            against = fmax(against, fabs(step));
            continue;
        }
        if (y == 0)
            step = -step;
        toward = fmax(toward, step);
        against = fmax(against, -step);
    }
    return toward > CLEAR && against <= AGAINST * toward;
}

double likelihood_nearest(const LikelihoodWork *w, const Family *family)
{
    double nearest = 1.0;
    for (ptrdiff_t i = 0; family->name == BINOMIAL && i < w->rows.n; ++i) {
        double y = w->rows.y[i];
        if (y == 0 || y == 1)
            nearest = fmin(nearest, fabs(y - w->mu[i]));
    }
    return nearest;
}

int separation_unsure(const Family *family, double nearest, const double *x, ptrdiff_t ld,
                      ptrdiff_t padded, const double *inverse, int p)
{
    if (family->name != BINOMIAL || !(nearest < SUSPICIOUS))
        return 0;
    for (int j = 0; j < p; ++j)
        if (tri_row_square(inverse, p, j) * vec_dot(x + j * ld, x + j * ld, padded) > LOST)
            return 1;
    return 0;
}
