"""Pictures of results for the Python door: small, on the user's own axes, in the report's colours.

The report has the full pages. These are for looking at one thing while working.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion
from modelrun.report.style import BLUE, FAINT, INK, STATUS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from modelrun.result import RunResult

GROUPS = 60
"""Above this number, rows of a picture would be too thin to read."""


class Plots:
    """What `result.plot` offers; every method draws on `ax`, or on new axes, and returns them."""

    def __init__(self, result: RunResult) -> None:
        self._result = result

    def coefficients(
        self, term: str | None = None, *, model: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw how estimates spread across fits: one box for each term, or a histogram of one.

        Args:
            term: Only this term.
            model: Only this model; needed where terms of several models share a name.
            ax: Where to draw.

        Raises:
            UserMistake: There is no such model or term.
        """
        rows = self._rows(term, model).dropna(subset=["estimate"])
        axes = _axes(ax)
        if term is not None:
            axes.hist(rows["estimate"], bins="auto", color=BLUE, edgecolor="white", linewidth=0.3)
            axes.set(xlabel=f"estimate of {term}", ylabel="fits", title="spread across fits")
        else:
            names = list(dict.fromkeys(rows["term"]))
            values = [rows.loc[rows["term"] == name, "estimate"].to_numpy() for name in names]
            axes.boxplot(
                values, orientation="horizontal", whis=(2.5, 97.5), showfliers=False,
                medianprops={"color": BLUE, "linewidth": 2},
            )  # fmt: skip
            axes.set_yticks(range(1, len(names) + 1), names)
            axes.invert_yaxis()
            axes.set(xlabel="estimate", title="spread across fits: median, quartiles, 2.5–97.5 %")
        axes.axvline(0, color=INK, linewidth=0.8)
        return _finished(axes)

    def ranking(self, term: str, *, model: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the estimates of one term from the lowest to the highest, with intervals.

        Args:
            term: The term.
            model: Only this model.
            ax: Where to draw.

        Raises:
            UserMistake: There is no such model or term.
        """
        rows = self._rows(term, model).dropna(subset=["estimate"]).sort_values("estimate")
        axes = _axes(ax)
        place = np.arange(len(rows))
        if {"conf_low", "conf_high"} <= set(rows.columns):
            axes.fill_betweenx(place, rows["conf_low"], rows["conf_high"], color=BLUE, alpha=0.2)
        axes.plot(rows["estimate"], place, ".", color=BLUE, markersize=3)
        labels = self._labels(rows)
        if len(rows) <= GROUPS and labels:
            axes.set_yticks(place, rows[labels].astype(str).agg(" · ".join, axis=1))
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(xlabel=f"estimate of {term}", ylabel="" if labels else "fits")
        return _finished(axes)

    def course(self, term: str, *, model: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the estimates of one term over the ends of their windows: median and middle 90 %.

        Args:
            term: The term.
            model: Only this model.
            ax: Where to draw.

        Raises:
            UserMistake: There is no such model or term, or the run has no windows.
        """
        rows = self._rows(term, model).dropna(subset=["estimate"])
        if "window_end" not in rows.columns:
            raise UserMistake("this run has no spec.slices.window, so nothing has a course in time")
        by_end = rows.groupby("window_end")["estimate"]
        middle = by_end.median()
        axes = _axes(ax)
        times = middle.index.to_numpy()
        axes.fill_between(
            times, by_end.quantile(0.05), by_end.quantile(0.95), color=BLUE, alpha=0.2
        )
        axes.plot(times, middle, color=BLUE)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set(xlabel="end of window", ylabel=f"estimate of {term}")
        return _finished(axes)

    def p_values(
        self, term: str | None = None, *, model: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the histogram of p-values; without any effect all bars would be equally high.

        Args:
            term: Only this term.
            model: Only this model.
            ax: Where to draw.

        Raises:
            UserMistake: There is no such model or term, or p_value was not asked for.
        """
        rows = self._rows(term, model)
        if "p_value" not in rows.columns:
            raise UserMistake("results.coefficients of this run does not ask for p_value")
        p_value = rows["p_value"].dropna()
        axes = _axes(ax)
        axes.hist(p_value, bins=np.linspace(0, 1, 21), color=BLUE, edgecolor="white", linewidth=0.3)
        axes.axhline(len(p_value) / 20, color=INK, linewidth=0.8, linestyle=":")
        axes.set(xlabel="p-value", ylabel="tests", xlim=(0, 1))
        return _finished(axes)

    def status(self, *, ax: Axes | None = None) -> Axes:
        """Draw how the fits of each model ended."""
        models = self._result.summary().models
        axes = _axes(ax)
        left = np.zeros(len(models))
        for status, colour in STATUS.items():
            width = np.array([counts[status] for counts in models.values()])
            axes.barh(list(models), width, left=left, color=colour, label=status)
            left += width
        axes.invert_yaxis()
        axes.set(xlabel="fits")
        axes.legend(frameon=False)
        return _finished(axes)

    def _rows(self, term: str | None, model: str | None) -> pd.DataFrame:
        rows = self._result.coefficients
        for column, wanted in (("model", model), ("term", term)):
            if wanted is not None:
                there = list(dict.fromkeys(rows[column]))
                if wanted not in there:
                    raise UserMistake(
                        f"there is no {column} {wanted!r} in {self._result.location}; "
                        + suggestion(wanted, map(str, there))
                    )
                rows = rows[rows[column] == wanted]
        return rows

    def _labels(self, rows: pd.DataFrame) -> list[str]:
        before = list(rows.columns[: list(rows.columns).index("component")])
        return [name for name in before if name != "fit_key" and len(rows[name].unique()) > 1]


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _finished(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    return axes
