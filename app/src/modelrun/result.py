"""The result of a run as Python sees it: pandas frames that are read when they are asked for."""

from __future__ import annotations

import os
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from modelrun.results import tables
from modelrun.results.opened import Opened

if TYPE_CHECKING:
    import pandas as pd

    from modelrun.results.plots import Plots
    from modelrun.results.summary import Summary


class RunResult:
    """What a run left behind; `modelrun.run` and `modelrun.open_results` return one."""

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Open results.

        Args:
            location: The results folder, or its s3://, gs:// or abfs:// address.

        Raises:
            UserMistake: There are no results.
        """
        self._opened = Opened(location)

    @property
    def location(self) -> str:
        """Where the results are."""
        return self._opened.place.uri

    @property
    def run(self) -> dict[str, Any]:
        """The reproducibility bundle, run.json; empty where the run is not complete."""
        return self._opened.run

    @cached_property
    def counts(self) -> dict[str, int]:
        """Fits by how they ended: total, succeeded, notConverged, failed, skipped, reused."""
        return self.summary().fits

    @cached_property
    def coefficients(self) -> pd.DataFrame:
        """One row per fit and term."""
        return self._frame(tables.COEFFICIENTS)

    @cached_property
    def fits(self) -> pd.DataFrame:
        """One row per fit."""
        return self._frame(tables.FITS)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row per failed fit, with the command that reproduces it."""
        return self._frame(tables.FAILURES)

    @cached_property
    def observations(self) -> pd.DataFrame:
        """One row per fit and row of its data, where results.observations asks for it.

        Raises:
            UserMistake: The run was not asked for observations.
        """
        return self._frame(tables.OBSERVATIONS)

    @property
    def plot(self) -> Plots:
        """Pictures of the results on axes of your own: `result.plot.coefficients(ax=ax)`."""
        from modelrun.results.plots import Plots

        return Plots(self)

    def summary(self) -> Summary:
        """Return counts, terms and failures in a few lines; rich and notebooks show it."""
        from modelrun.results.summary import summary_of

        return summary_of(self._opened)

    def _frame(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = self._opened.table(name).to_pandas()
        return frame

    def __repr__(self) -> str:
        """Return the counts and the location."""
        counts = self.counts
        said = ", ".join(f"{n:,} {word}" for word, n in counts.items() if n and word != "total")
        return f"<RunResult of {counts.get('total', 0):,} fits ({said}) in {self.location}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        said = self.summary()
        numbers = "".join(
            f"<td style='padding-right:1.5em'><b>{count:,}</b> {escape(word)}</td>"
            for word, count in said.fits.items()
        )
        head = ("model", "term", "fits", "median", "2.5 %", "97.5 %", "p &lt; 0.05")
        rows = "".join(
            "<tr>"
            f"<td>{escape(term.model)}</td><td>{escape(term.term)}</td><td>{term.fits:,}</td>"
            + "".join(f"<td>{_number(v)}</td>" for v in (term.median, term.low, term.high))
            + f"<td>{'' if term.significant is None else f'{100 * term.significant:.1f} %'}</td>"
            "</tr>"
            for term in said.terms[:20]
        )
        failed = "".join(
            f"<li>{escape(item.reason)}: {item.count:,}, such as {escape(item.example[:200])}</li>"
            for item in said.failures
        )
        return (
            f"<div><p><b>{escape(said.study or said.location)}</b></p>"
            f"<table><tr>{numbers}</tr></table>"
            f"<table><tr>{''.join(f'<th>{title}</th>' for title in head)}</tr>{rows}</table>"
            f"<ul>{failed}</ul><p><code>{escape(said.location)}</code></p></div>"
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
