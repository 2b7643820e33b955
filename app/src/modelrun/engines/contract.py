"""The contract of equality: how far the numbers of two engines may be apart, column by column.

1e-8 in every column cannot be promised: statsmodels does not keep it against itself when rows are
permuted. What can be promised, for fits that pass the gate, stands here, in the units in which
rounding works: estimates in units of their size or standard error, p-values in units of how fast
they move with the statistic. Exact columns are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.engines import exact_quantreg
from modelrun.plan.study import ModelSpec

Floats = npt.NDArray[np.float64]

COEFFICIENT = 1e-8
R_SQUARED = 1e-10
PSEUDO_R_SQUARED = 1e-8
LIKELIHOOD_PER_ROW = 1e-9
OBSERVATION = 1e-9
CONDITION = 1e-6
EXACTLY = 1e-13
"""Whole numbers must be equal; degrees of freedom are no whole numbers under frequency weights."""

SOLVER = {"QuantReg": 100.0}
"""How much further a compiled iteration may be: this one amplifies rounding up to its stop test."""

_LIKELIHOOD = frozenset({"log_lik", "log_lik_null", "aic", "bic"})
_DEVIANCE = frozenset({"deviance", "null_deviance", "pearson_chi2"})
EXACT = frozenset({"nobs", "df_model", "df_residual", "iterations", "df"})


@dataclass(frozen=True, slots=True)
class Violation:
    """One number outside of the contract."""

    fit: int
    """model * S + slice."""

    column: str
    term: str | None
    ours: float | str | None
    theirs: float | str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Frames of two engines side by side."""

    fits: int
    """How many were compared."""

    largest: Mapping[str, float]
    """The largest difference of each column, in units of what is allowed."""

    violations: tuple[Violation, ...]


def solver(model: ModelSpec) -> str:
    """Return the name under which a model's solver may have a wider contract."""
    return "" if exact_quantreg.asked(model.fit) else model.estimator or ""


def coefficient_tolerance(column: str, theirs: Mapping[str, Floats]) -> Floats:
    """Return the allowed absolute difference of a column of the coefficients table.

    Args:
        column: Its name.
        theirs: The reference's columns, each of shape (k,); what is absent is not needed.
    """
    value = theirs[column]
    size = np.abs(value)
    match column:
        case "estimate" | "conf_low" | "conf_high":
            estimate = np.abs(theirs.get("estimate", value))
            error = theirs.get("std_error", np.zeros_like(value))
            return COEFFICIENT * np.fmax(np.fmax(estimate, size), error)
        case "statistic":
            return COEFFICIENT * np.fmax(1.0, size)
        case "p_value":
            statistic = theirs.get("statistic")
            if statistic is None:
                # The statistic that goes with a normal p-value, roughly: t² ≈ -2 log p.
                square = -2 * np.log(np.fmax(size, 1e-300))
            else:
                square = statistic**2
            with np.errstate(invalid="ignore"):  # of a perfect fit: infinite times zero
                allowed: Floats = COEFFICIENT * np.fmax(1.0, square) * size + 1e-300
            return allowed
        case _:
            return COEFFICIENT * size


def statistic_tolerance(
    column: str, theirs: Floats, others: Callable[[str], Floats | None], nobs: Floats
) -> Floats:
    """Return the allowed absolute difference of a column of the fits table.

    Args:
        column: Its name.
        theirs: The reference's values, shape (n,).
        others: Gives other columns of the reference, or None.
        nobs: Rows of each fit, shape (n,).
    """
    size = np.abs(theirs)
    if column in _LIKELIHOOD:
        return LIKELIHOOD_PER_ROW * nobs
    if column in _DEVIANCE:
        return LIKELIHOOD_PER_ROW * nobs + COEFFICIENT * size
    match column:
        case "r_squared" | "adj_r_squared":
            return np.full_like(theirs, R_SQUARED)
        case "pseudo_r_squared":
            return np.full_like(theirs, PSEUDO_R_SQUARED)
        case "condition_number":
            return CONDITION * size
        case "f_p_value":
            value, df = others("f_statistic"), others("df_model")
            speed = np.fmax(1.0, (value if value is not None else -2 * np.log(size + 1e-300))
                            * (df if df is not None else 1.0))  # fmt: skip
            return COEFFICIENT * speed * size + 1e-300
        case "f_statistic":
            return COEFFICIENT * np.fmax(1.0, size)
        case _:
            return COEFFICIENT * size


def compare(ours: pa.RecordBatch, theirs: pa.RecordBatch, *, solver: str = "") -> Comparison:
    """Compare frames of the same fits in the same order.

    Args:
        ours: The frame to judge.
        theirs: The reference.
        solver: The estimator, where its solver has a wider contract (see SOLVER).
    """
    widened = SOLVER.get(solver, 1.0)
    fits = arrays.to_numpy(ours.column("fit"))
    bad: list[Violation] = []
    largest: dict[str, float] = {}
    same = _same_classes(ours, theirs, fits, bad)
    nobs = arrays.floats(theirs.column("nobs"))

    def other(name: str) -> Floats | None:
        return arrays.floats(theirs.column(name)) if name in theirs.schema.names else None

    for field in ours.schema:
        if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
            continue
        if field.name in {"fit", "seconds"}:
            continue
        a, b = arrays.floats(ours.column(field.name)), arrays.floats(theirs.column(field.name))
        allowed = (
            EXACTLY * np.abs(b)
            if field.name in EXACT
            else widened * statistic_tolerance(field.name, b, other, nobs)
        )
        _judge(field.name, a, b, allowed, same, fits, None, largest, bad)
    _coefficients(ours, theirs, fits, same, widened, largest, bad)
    return Comparison(int(same.sum()), largest, tuple(bad))


def _same_classes(
    ours: pa.RecordBatch,
    theirs: pa.RecordBatch,
    fits: npt.NDArray[np.int64],
    bad: list[Violation],
) -> npt.NDArray[np.bool_]:
    """Note fits that ended differently, and return those that can be compared by numbers."""
    same = np.ones(len(fits), np.bool_)
    for name in ("status", "converged", "rank_deficient"):
        a = ours.column(name).cast(pa.string()).to_pylist()
        b = theirs.column(name).cast(pa.string()).to_pylist()
        for at, (x, y) in enumerate(zip(a, b, strict=True)):
            if x != y:
                same[at] = False
                bad.append(Violation(int(fits[at]), name, None, x, y))
    a_sizes = ours.column("coefficients").value_lengths()
    b_sizes = theirs.column("coefficients").value_lengths()
    differ = arrays.to_numpy(a_sizes) != arrays.to_numpy(b_sizes)
    for at in np.flatnonzero(differ & same).tolist():
        same[at] = False
        bad.append(
            Violation(
                int(fits[at]), "terms", None, float(a_sizes[at].as_py()),
                float(b_sizes[at].as_py()),
            )
        )  # fmt: skip
    return same


def _coefficients(
    ours: pa.RecordBatch,
    theirs: pa.RecordBatch,
    fits: npt.NDArray[np.int64],
    same: npt.NDArray[np.bool_],
    widened: float,
    largest: dict[str, float],
    bad: list[Violation],
) -> None:
    if not same.any():
        return
    keep = arrays.from_numpy(np.flatnonzero(same))
    a, b = ours.take(keep).column("coefficients"), theirs.take(keep).column("coefficients")
    sizes = arrays.to_numpy(b.value_lengths()).astype(np.int64)
    of_fit = np.repeat(fits[same], sizes)
    a, b = a.flatten(), b.flatten()
    terms = b.field("term").cast(pa.string()).to_pylist()
    everything = np.ones(len(of_fit), np.bool_)
    numbers = [f.name for f in b.type if pa.types.is_floating(f.type)]
    reference = {name: arrays.floats(b.field(name)) for name in numbers}
    for name in numbers:
        value = arrays.floats(a.field(name))
        allowed = (
            EXACTLY * np.abs(value)
            if name in EXACT
            else widened * coefficient_tolerance(name, reference)
        )
        _judge(name, value, reference[name], allowed, everything, of_fit, terms, largest, bad)


def _judge(
    name: str,
    ours: Floats,
    theirs: Floats,
    allowed: Floats,
    where: npt.NDArray[np.bool_],
    fits: npt.NDArray[np.int64],
    terms: list[str] | None,
    largest: dict[str, float],
    bad: list[Violation],
) -> None:
    equal = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(equal, 0.0, np.abs(ours - theirs))
        share = np.where(equal, 0.0, difference / allowed)
    wrong = where & ~equal & ~(difference <= allowed)
    finite = share[where & np.isfinite(share)]
    largest[name] = float(finite.max()) if len(finite) else 0.0
    for at in np.flatnonzero(wrong):
        term = None if terms is None else terms[at]
        bad.append(Violation(int(fits[at]), name, term, float(ours[at]), float(theirs[at])))
