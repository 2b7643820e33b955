/* Continued fractions of the incomplete beta and gamma functions (DLMF 8.17.22, 8.9.2) with the
 * power factor in extended precision: the relative error stays near 1e-15 far into the tail,
 * where the factor is exp(-hundreds).  Log gamma is Stirling's series (DLMF 5.11.1) after a shift.
 */
#include "dist.h"

#include <math.h>

#define TINY 1e-300
#define EPS 1.2e-16

long double log_gamma(long double x)
{
    long double shift = 1.0L;
    while (x < 24.0L) {
        shift *= x;
        x += 1.0L;
        if (shift > 1e4000L)
            break;
    }
    long double z = 1.0L / (x * x);
    long double series =
        (1.0L / 12 -
         z * (1.0L / 360 -
              z * (1.0L / 1260 -
                   z * (1.0L / 1680 - z * (1.0L / 1188 - z * (691.0L / 360360 - z / 156)))))) /
        x;
    return (x - 0.5L) * logl(x) - x + 0.918938533204672741780329736406L + series - logl(shift);
}

double normal_two_sided(double z)
{
    return erfc(fabs(z) * 0.70710678118654752440);
}

/* The f with I_x(a, b) = x^a y^b / B(a, b) * f, for x < (a + 1) / (a + b + 2), y = 1 - x: the
 * continued fraction of Didonato and Morris (ACM TOMS 18, 1992, algorithm 708, BFRAC), whose terms
 * do not cancel where x is close to 1.  Denominators are multiplied through, so that one step costs
 * one division.
 */
static double beta_fraction(double a, double b, double x, double y)
{
    double lambda = a * y - b * x;
    double p0 = 1.0, q0 = 0.0, p1 = a * (lambda + 1) / (a + 1), q1 = 1.0;
    double value = q1 / p1, before = 1.0 / (a + 1);
    for (int n = 1; n < 20000; ++n) {
        double low = a + 2 * n - 1, high = a + 2 * n + 1, top = n * (b - n) * x;
        double num = (a + n - 1) * (a + b + n - 1) * top * x * high * before;
        double den = (n * low + top) * high + (a + n) * (lambda + 1 + n * (1 + y)) * low;
        double p2 = den * p1 + num * p0, q2 = den * q1 + num * q0;
        double inverse = 1.0 / p2;
        p0 = p1 * inverse;
        q0 = q1 * inverse;
        p1 = 1.0;
        q1 = q2 * inverse;
        before = low;
        double change = q1 - value;
        value = q1;
        if (fabs(change) <= EPS * fabs(value))
            break;
    }
    return value;
}

/* log B(a, b); the last one is remembered, fits of one task share their degrees of freedom. */
static long double log_beta(double a, double b)
{
    static _Thread_local double last_a = -1.0, last_b = -1.0;
    static _Thread_local long double last = 0.0L;
    if (a != last_a || b != last_b) {
        last = log_gamma(a) + log_gamma(b) - log_gamma((long double)a + b);
        last_a = a;
        last_b = b;
    }
    return last;
}

/* I_x(a, b) with y = 1 - x given exactly enough by the caller. */
static double beta_regularised(double a, double b, long double x, long double y)
{
    if (x <= 0)
        return 0.0;
    if (y <= 0)
        return 1.0;
    long double factor = expl((long double)a * logl(x) + (long double)b * logl(y) - log_beta(a, b));
    if (x < (a + 1) / (a + b + 2))
        return (double)(factor * beta_fraction(a, b, (double)x, (double)y));
    return (double)(1.0L - factor * beta_fraction(b, a, (double)y, (double)x));
}

/* 1 / B(df / 2, 1 / 2); the last one is remembered, fits of one task share their df. */
static long double inverse_beta(double df)
{
    static _Thread_local double last_df = -1.0;
    static _Thread_local long double last = 0.0L;
    if (df != last_df) {
        long double a = 0.5L * df;
        last = expl(log_gamma(a + 0.5L) - log_gamma(a)) / 1.772453850905516027298167483341145L;
        last_df = df;
    }
    return last;
}

double t_two_sided(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return NAN;
    if (isinf(t))
        return 0.0;
    if (isinf(df))
        return normal_two_sided(t);
    double a = 0.5 * df;
    long double u = (long double)t * t / df;
    long double x = 1.0L / (1.0L + u);
    double size = a * log1p((double)u);
    if ((double)x < (a + 1) / (a + 2.5)) {
        long double power;
        if (size < 2.0)
            power = exp(-size) * sqrt((double)(u * x));
        else
            power = expl(-a * log1pl(u)) * sqrtl(u * x);
        return (double)(power * inverse_beta(df) *
                        beta_fraction(a, 0.5, (double)x, (double)(u * x)));
    }
    double y = (double)(u * x);
    return (double)(1.0L -
                    exp(-size) * sqrt(y) * inverse_beta(df) * beta_fraction(0.5, a, y, (double)x));
}

double f_upper(double f, double df1, double df2)
{
    if (isnan(f) || !(df1 > 0) || !(df2 > 0))
        return NAN;
    if (f <= 0)
        return 1.0;
    if (isinf(f))
        return 0.0;
    long double ratio = (long double)df1 * f / df2;
    long double x = 1.0L / (1.0L + ratio);
    return beta_regularised(0.5 * df2, 0.5 * df1, x, ratio * x);
}

double chi2_upper(double x2, double df)
{
    if (isnan(x2) || !(df > 0))
        return NAN;
    if (x2 <= 0)
        return 1.0;
    double a = 0.5 * df, x = 0.5 * x2;
    if (isinf(x))
        return 0.0;
    long double factor = expl(a * logl(x) - (long double)x - log_gamma(a));
    if (x < a + 1) {
        double term = 1.0 / a, sum = term;
        for (int n = 1; n < 100000 && term > EPS * sum; ++n) {
            term *= x / (a + n);
            sum += term;
        }
        return (double)(1.0L - factor * sum);
    }
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
    for (int i = 1; i < 100000; ++i) {
        double an = -i * (i - a);
        b += 2;
        d = an * d + b;
        if (fabs(d) < TINY)
            d = TINY;
        c = b + an / c;
        if (fabs(c) < TINY)
            c = TINY;
        d = 1 / d;
        h *= d * c;
        if (fabs(d * c - 1) <= 2 * EPS)
            break;
    }
    return (double)(factor * h);
}

double normal_quantile(double q)
{
    if (!(q > 0 && q < 1))
        return q == 0 ? -INFINITY : q == 1 ? INFINITY : NAN;
    double tail = q < 0.5 ? q : 1 - q;
    /* Abramowitz and Stegun 26.2.23 as the start, Halley's steps on the exact tail after it */
    double s = sqrt(-2 * log(tail));
    double z = s - (2.515517 + s * (0.802853 + s * 0.010328)) /
                       (1 + s * (1.432788 + s * (0.189269 + s * 0.001308)));
    for (int i = 0; i < 8; ++i) {
        double error = 0.5 * normal_two_sided(z) - tail;
        if (z < 0)
            error = 1 - 0.5 * normal_two_sided(z) - tail;
        double step = error / (exp(-0.5 * z * z) * 0.39894228040143267794);
        step /= 1 - 0.5 * z * step;
        z += step;
        if (fabs(step) < 1e-9 * fabs(z))
            break;
    }
    return q < 0.5 ? -z : z;
}

double t_quantile(double q, double df)
{
    if (!(q >= 0.5 && q < 1) || !(df > 0))
        return NAN;
    double tail = 2 * (1 - q);
    double z = normal_quantile(q);
    if (isinf(df) || q == 0.5)
        return z;
    double t = z + (z * z * z + z) / (4 * df);
    if (df <= 2)
        t = df == 1 ? 1 / tan(1.57079632679489661923 * tail) : sqrt(2 / (tail * (2 - tail)) - 2);
    long double density_factor = inverse_beta(df) / sqrtl(df);
    for (int i = 0; i < 40; ++i) {
        double p = t_two_sided(t, df);
        double density =
            2 * (double)(density_factor * expl(-0.5L * (df + 1) * log1pl(t * t / (long double)df)));
        double step = (p - tail) / density;
        /* Halley: the second derivative of the tail is -(df + 1) t / (df + t^2) times the first */
        step /= 1 - 0.5 * step * (df + 1) * t / (df + t * t);
        if (t + step <= 0)
            step = -0.5 * t;
        t += step;
        if (fabs(step) < 1e-9 * t)
            break;
    }
    return t;
}
