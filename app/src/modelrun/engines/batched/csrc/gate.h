/* The gate of the equality contract; gate.py says what it is for. */
#ifndef MODELRUN_GATE_H
#define MODELRUN_GATE_H

typedef struct {
    double condition; /* kappa_2, or a bound of it that already passes */
    double eta;
} Gate;

/* Reasons to hand over: eta = eps kappa sqrt(yy / ssr), truncation, squares near the end of range.
 * `exact` asks for singular values in every case; scratch holds p * p.
 */
unsigned gate_check(const double *r, const double *inverse, int p, double ssr, double yy, int exact,
                    double *scratch, Gate *gate);

/* Upper bound of the square of kappa_2 after the columns were scaled to one length. */
double gate_scaled_square(const double *r, const double *inverse, int p);

#endif
