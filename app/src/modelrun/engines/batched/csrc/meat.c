/* Newey and West (1987), White (1980) and MacKinnon and White (1985), Liang and Zeger (1986), with
 * statsmodels' small-sample factors.  The lags are summed into the right factor first, so that HAC
 * costs p passes over the rows instead of p^2.
 */
#include "meat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

int meat_lags(const Sandwich *s, double n)
{
    if (s->covariance != COV_HAC)
        return 0;
    return s->lags >= 0 ? s->lags : (int)floor(4 * pow(n / 100.0, 2.0 / 9.0));
}

int meat_open(Meat *m, ptrdiff_t rows, int p, const Sandwich *s, int32_t groups)
{
    int lags = meat_lags(s, (double)rows) + 1;
    ptrdiff_t lead = PADDED(lags), ld = PADDED(rows);
    if (s->covariance != COV_CLUSTER)
        groups = 0;
    size_t pp = PADDED((size_t)p * p), slots = rows < groups ? (size_t)rows : (size_t)groups;
    m->block = aligned_doubles(lead + 2 * ld + PADDED(lags + 1) + 3 * pp + slots * p + 1);
    m->slot = groups ? malloc(sizeof(int32_t) * groups) : NULL;
    m->stamp = groups ? calloc(groups, sizeof(int32_t)) : NULL;
    if (m->block == NULL || (groups && (m->slot == NULL || m->stamp == NULL)))
        return 0;
    m->u = (double *)m->block + lead;
    m->z = m->u + ld;
    m->lag_weights = m->z + ld;
    m->bread = m->lag_weights + PADDED(lags + 1);
    m->meat = m->bread + pp;
    m->cov = m->meat + pp;
    m->cluster_sums = m->cov + pp;
    return 1;
}

void meat_close(Meat *m)
{
    free(m->block);
    free(m->slot);
    free(m->stamp);
}

/* meat = U'Z symmetrised, with the rows of U = Q * e and Z its lag filter */
static void of_lags(Meat *m, Rows *x, const double *e, int p, int lags, int uniform)
{
    double weights = m->lag_weights[0] = 1.0, squares = 0.0;
    for (int l = 1; l <= lags; ++l)
        weights += m->lag_weights[l] = 2.0 * (uniform ? 1.0 : 1.0 - l / (lags + 1.0));
    for (int j = 0; j < p; ++j) {
        double *column = x->x + j * x->ld;
        vec_multiply(column, e, column, x->padded);
        squares += vec_dot(column, column, x->padded);
    }
    m->spread = weights * squares;
    for (int j = 0; j < p; ++j) {
        memcpy(m->u, x->x + j * x->ld, sizeof(double) * x->padded);
        vec_filter(m->u, m->lag_weights, lags, m->z, x->padded);
        vec_dots(x->x, x->ld, p, m->z, x->padded, m->bread + j * p);
    }
    for (int j = 0; j < p; ++j)
        for (int k = 0; k <= j; ++k)
            m->meat[j * p + k] = m->meat[k * p + j] =
                0.5 * (m->bread[j * p + k] + m->bread[k * p + j]);
}

/* meat = sum_i factor_i^2 q_i q_i' */
static void of_rows(Meat *m, Rows *x, const double *factor, int p)
{
    m->spread = 0.0;
    for (int j = 0; j < p; ++j) {
        double *column = x->x + j * x->ld;
        vec_multiply(column, factor, column, x->padded);
        vec_dots(x->x, x->ld, j + 1, column, x->padded, m->meat + j * p);
        for (int k = 0; k < j; ++k)
            m->meat[k * p + j] = m->meat[j * p + k];
        m->spread += m->meat[j * p + j];
    }
}

/* meat = sum over clusters of the outer products of their summed rows of Q * e; returns G */
static int of_clusters(Meat *m, const Rows *x, const double *e, int p, const Clusters *c)
{
    int clusters = 0;
    ptrdiff_t i = 0;
    double squares = 0.0;
    for (ptrdiff_t row = c->start; row < c->stop; ++row) {
        if (c->keep != NULL && !c->keep[row])
            continue;
        int32_t g = c->group[row];
        if (m->stamp[g] != c->mark) {
            m->stamp[g] = c->mark;
            m->slot[g] = clusters++;
            memset(m->cluster_sums + (size_t)m->slot[g] * p, 0, sizeof(double) * p);
        }
        double *sum = m->cluster_sums + (size_t)m->slot[g] * p;
        for (int j = 0; j < p; ++j) {
            double q = x->x[j * x->ld + i], score = q * e[i];
            double size = c->size ? q * c->size[i] : score;
            sum[j] += score;
            squares += size * size;
        }
        ++i;
    }
    m->spread = squares * x->total / (clusters > 0 ? clusters : 1);
    memset(m->meat, 0, sizeof(double) * p * p);
    for (int g = 0; g < clusters; ++g) {
        const double *sum = m->cluster_sums + (size_t)g * p;
        for (int j = 0; j < p; ++j)
            for (int k = 0; k < p; ++k)
                m->meat[j * p + k] += sum[j] * sum[k];
    }
    return clusters;
}

/* cov = factor * R^-1 meat R^-T */
void meat_sandwich(Meat *m, const double *inverse, int p, double factor)
{
    for (int j = 0; j < p; ++j)
        for (int k = 0; k < p; ++k) {
            double s = 0.0;
            for (int i = j; i < p; ++i)
                s += TRI(inverse, p, j, i) * m->meat[k * p + i];
            m->bread[k * p + j] = s;
        }
    for (int j = 0; j < p; ++j)
        for (int k = 0; k < p; ++k) {
            double s = 0.0;
            for (int i = k; i < p; ++i)
                s += TRI(inverse, p, k, i) * m->bread[i * p + j];
            m->cov[k * p + j] = factor * s;
        }
}

int meat_cancels(const Meat *m, const double *r, const double *inverse, int p, double factor,
                 double error, double rounding)
{
    if (!(MACHINE_EPS * gate_scaled_square(r, inverse, p) <= GATE_ETA))
        return 1;
    for (int j = 0; j < p; ++j) {
        double variance = fabs(m->cov[j * p + j]), size = tri_row_square(inverse, p, j) * factor;
        if (!(error * m->spread * size <= 1e-10 * variance && rounding * size <= 1e-16 * variance))
            return 1;
    }
    return 0;
}

double meat_fill(Meat *m, Rows *x, const double *e, int p, const Sandwich *s, const Clusters *c)
{
    double n = x->total;
    m->clusters = 0;
    switch (s->covariance) {
    case COV_HAC:
        of_lags(m, x, e, p, meat_lags(s, n), s->uniform);
        return s->correction ? n / (n - p) : 1.0;
    case COV_CLUSTER: {
        double g = m->clusters = of_clusters(m, x, e, p, c);
        return s->correction ? g / (g - 1.0) * ((n - 1) / (n - p)) : 1.0;
    }
    default:
        of_rows(m, x, e, p);
        return s->covariance == COV_HC1 ? n / (n - p) : 1.0;
    }
}
