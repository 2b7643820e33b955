/* Separation from the iterates.  Where the maximum of the likelihood lies at infinity, the last
 * step of the linear predictor is a direction of recession (Albert and Anderson 1984): it moves
 * every observation towards its own side or not at all.  Without separation no such direction
 * exists, so its length need only be clear of rounding.
 */
#include <math.h>

#include "likelihood.h"

#define CLEAR 1e-6
#define AGAINST 1e-4

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
