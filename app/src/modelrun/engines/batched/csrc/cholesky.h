/* Small symmetric systems: the normal equations of one iteration. */
#ifndef MODELRUN_CHOLESKY_H
#define MODELRUN_CHOLESKY_H

/* Turn the lower triangle of a p x p matrix (row j at l + j * p) into its factor; 0 where a pivot is
 * not above `floor` times the diagonal it came from. */
int cholesky_factor(double *l, int p, double floor);

/* Solve LL' x = b in place. */
void cholesky_solve(const double *l, int p, double *b);

#endif
