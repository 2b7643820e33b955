#include "constant.h"

#include <math.h>

#include "qr.h"
#include "vec.h"
#include "verdict.h"

int spans_constant(const Rows *x, const double *q, const double *r, const double *inverse, int p,
                   double *z, double *c, double *scratch)
{
    /* the weights turn a constant into their roots; the basis is of the weighted columns */
    for (ptrdiff_t i = 0; i < x->padded; ++i)
        z[i] = i < x->n ? (x->root ? x->root[i] : 1.0) : 0.0;
    double before = sqrt(vec_dot(z, z, x->padded));
    qr_residual(q, x->ld, p, z, x->padded, c, scratch);
    double distance = sqrt(vec_dot(z, z, x->padded));
    double largest = fmax(tri_norm(r, p), before);
    double tolerance = largest * MACHINE_EPS * fmax(x->total, p + 1);
    double smallest = 1.0 / tri_norm(inverse, p);
    if (smallest < 1e3 * tolerance)
        return -1;
    if (distance < 1e-13 * before)
        return 1;
    /* s_min of [1, X] is at least about distance * s_min / (distance + 1 + |coordinates|) */
    double reach = 1.0;
    tri_solve(r, p, c, scratch);
    for (int j = 0; j < p; ++j)
        reach += fabs(scratch[j]);
    return distance / reach > 1e3 * tolerance ? 0 : -1;
}
