"""Estimates of models that were fitted once: the table that a summary would show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import heading, portions
from modelrun.report.estimates import INTERCEPTS, Term, interval_words
from modelrun.report.page import Page, Table
from modelrun.report.tables import Tables

ROWS = 28


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return a table of estimates, where no term has more than one."""
    if tables.replicates or any(len(term.estimate) > 1 for term in terms):
        return ()
    words = interval_words(tables)
    return tuple(
        Page(
            chapter="Estimates",
            title=_message(portion, terms),
            summary=_message(terms, terms),
            lead="Every model was fitted once; these are its coefficients"
            + (f", with the {words}." if words else "."),
            blocks=(_table(portion, terms),),
        )
        for portion in portions(terms[: 4 * ROWS], ROWS)
    )


def _table(portion: Sequence[Term], terms: Sequence[Term]) -> Table:
    adjusted = any(np.isfinite(term.p_adjusted[0]) for term in portion)
    rows = []
    for term in portion:
        values = (term.estimate[0], term.error[0], term.low[0], term.high[0])
        tests = (term.p[0], term.p_adjusted[0])[: 2 if adjusted else 1]
        rows.append(
            (
                heading(term, terms),
                *(numbers.value(float(value), 4) for value in values),
                *(numbers.p_value(float(p)) for p in tests),
            )
        )
    header = ("term", "estimate", "std. error", "lower", "upper", "p-value", "adjusted p")
    return Table(
        caption="Coefficients",
        header=header if adjusted else header[:-1],
        rows=tuple(rows),
        align="lrrrrrr",
    )


def _message(portion: Sequence[Term], terms: Sequence[Term]) -> str:
    tested = [term for term in portion if term.term not in INTERCEPTS] or list(portion)
    known = [term for term in tested if np.isfinite(term.low[0]) and np.isfinite(term.high[0])]
    if not known:
        return f"{numbers.plural(len(portion), 'coefficient')}"
    clear = [heading(term, terms) for term in known if term.low[0] > 0 or term.high[0] < 0]
    if not clear:
        return "No interval excludes zero"
    verb = "excludes" if len(clear) == 1 else "exclude"
    noun = "interval" if len(clear) == 1 else "intervals"
    return f"The {noun} of {numbers.enumerate_words(clear)} {verb} zero"
