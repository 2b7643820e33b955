#include "gate.h"

#include <math.h>

#include "qr.h"
#include "verdict.h"

unsigned gate_check(const double *r, const double *inverse, int p, double ssr, double yy, int exact,
                    double *scratch, Gate *gate)
{
    /* the Frobenius norms bound kappa from above: exact singular values only where it matters */
    double kappa = tri_norm(r, p) * tri_norm(inverse, p);
    double per_kappa = MACHINE_EPS * sqrt(yy / ssr);
    if (exact || !(kappa * per_kappa <= GATE_ETA) || !(kappa < GATE_SCALE))
        kappa = tri_condition(r, p, scratch);
    gate->condition = kappa;
    gate->eta = kappa * per_kappa;
    unsigned reasons = 0;
    if (!(gate->eta <= GATE_ETA))
        reasons |= REASON_CONDITION;
    /* squares of residuals must stay clear of the smallest and largest doubles */
    if (!(kappa < GATE_SCALE) || !(ssr > 1e-270 && yy < 1e270))
        reasons |= REASON_SCALE_TRUNCATED;
    return reasons;
}

double gate_scaled_square(const double *r, const double *inverse, int p)
{
    double sum = 0.0;
    for (int j = 0; j < p; ++j) {
        double column = 0.0;
        for (int k = 0; k <= j; ++k)
            column += TRI(r, p, k, j) * TRI(r, p, k, j);
        sum += column * tri_row_square(inverse, p, j);
    }
    return p * sum;
}
