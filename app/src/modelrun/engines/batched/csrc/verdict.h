/* What became of a fit, and why it should be handed over; gate.py has the same names. */
#ifndef MODELRUN_VERDICT_H
#define MODELRUN_VERDICT_H

enum Status {
    OK = 0,
    RANK_DEFICIENT = 1,
    TOO_SHORT = 2,
    NON_FINITE = 3,
    SEPARATED = 4,
    NOT_CONVERGED = 5,
    UNDETERMINED = 6,
};

enum Reason {
    REASON_CONDITION = 1,       /* eta above the gate */
    REASON_LEVERAGE = 2,        /* 1 - h below the gate where HC2 or HC3 divide by it */
    REASON_SCALE_TRUNCATED = 4, /* s_min / s_max below the cut-offs of pinv and rank */
    REASON_RANK = 8,            /* exactly collinear columns */
    REASON_TOO_SHORT = 16,      /* fewer rows than columns, or no degrees of freedom left */
    REASON_NON_FINITE = 32,
    REASON_CONSTANT = 64,         /* whether the columns span a constant is a matter of rounding */
    REASON_WALD = 128,            /* only the robust F statistic is not settled */
    REASON_BORDERLINE_STOP = 256, /* a stop test was passed or missed by less than 0.1 % */
    REASON_SEPARATION = 512,
    REASON_CLUSTERS = 1024,   /* fewer than two clusters */
    REASON_ITERATIONS = 2048, /* maxiter was reached */
};

#define GATE_ETA 1e-9
#define GATE_LEVERAGE 1e-8
#define GATE_SCALE 1e13
#define MACHINE_EPS 2.220446049250313e-16

#endif
