#include "cholesky.h"

#include <math.h>

int cholesky_factor(double *l, int p, double floor)
{
    for (int j = 0; j < p; ++j) {
        double diagonal = l[j * p + j];
        for (int m = 0; m <= j; ++m) {
            double s = l[j * p + m];
            for (int i = 0; i < m; ++i)
                s -= l[j * p + i] * l[m * p + i];
            if (m == j && !(s > floor * diagonal))
                return 0;
            l[j * p + m] = m < j ? s / l[m * p + m] : sqrt(s);
        }
    }
    return 1;
}

void cholesky_solve(const double *l, int p, double *b)
{
    for (int j = 0; j < p; ++j) {
        for (int m = 0; m < j; ++m)
            b[j] -= l[j * p + m] * b[m];
        b[j] /= l[j * p + j];
    }
    for (int j = p - 1; j >= 0; --j) {
        for (int m = j + 1; m < p; ++m)
            b[j] -= l[m * p + j] * b[m];
        b[j] /= l[j * p + j];
    }
}
