"""The chapters of a report in their order; what does not apply to a run is left out."""

from __future__ import annotations

from modelrun.report.contents import (
    comparison,
    course,
    failing,
    heatmap,
    provenance,
    quality,
    ranking,
    replicates,
    significance,
    single,
    spread,
    verdict,
)
from modelrun.report.estimates import terms
from modelrun.report.page import Page
from modelrun.report.tables import Tables


def pages(tables: Tables) -> tuple[Page, ...]:
    """Return all pages of the report of a run."""
    return around(tables, results(tables))


def results(tables: Tables) -> tuple[Page, ...]:
    """Return the pages about the results: what tables and spec say, whatever else becomes known."""
    found = terms(tables)
    return (
        *single.pages(tables, found),
        *comparison.pages(tables, found),
        *spread.pages(tables, found),
        *replicates.pages(tables, found),
        *ranking.pages(tables, found),
        *course.pages(tables, found),
        *heatmap.pages(tables, found),
        *significance.pages(tables, found),
        *quality.pages(tables),
        *failing.pages(tables),
    )


def around(tables: Tables, between: tuple[Page, ...]) -> tuple[Page, ...]:
    """Return all pages: those of the results with what run.json says before and after them."""
    return (*verdict.pages(tables, between), *between, *provenance.pages(tables))
