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
    found = terms(tables)
    rest = (
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
    return (*verdict.pages(tables, rest), *rest, *provenance.pages(tables))
