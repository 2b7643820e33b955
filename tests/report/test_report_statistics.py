"""The numbers on the pages are those of pandas and numpy on the same tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelrun.report.contents import (
    chapters,
    failing,
    heatmap,
    methods,
    quality,
    ranking,
    significance,
    spread,
    verdict,
)
from modelrun.report.estimates import terms
from modelrun.report.page import Grid, Heat, Histogram, Lines, Page, Panel, Ranges, Table
from modelrun.report.tables import read

Results = Callable[..., Path]


def panels(page: Page) -> tuple[Panel, ...]:
    return next(block for block in page.blocks if isinstance(block, Grid)).panels


def table(page: Page, number: int = 0) -> Table:
    return [block for block in page.blocks if isinstance(block, Table)][number]


def coefficients(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "coefficients.parquet")


def test_the_spread_of_a_term_is_told_in_percentiles_across_fits(results: Results) -> None:
    folder = results("few", groups=5, windows=40)
    tables = read(folder)
    page = spread.pages(tables, terms(tables))[0]
    estimate = coefficients(folder).query("term == 'smb'")["estimate"]
    panel = next(panel for panel in panels(page) if panel.title == "smb")
    assert isinstance(panel, Histogram)
    assert [place for place, _ in panel.marks] == pytest.approx(
        estimate.quantile([0.05, 0.5, 0.95]).tolist()
    )
    assert panel.counts.sum() <= len(estimate)
    assert "no confidence interval" in page.note


def test_percentile_intervals_are_quantiles_of_the_replicates(results: Results) -> None:
    folder = results("boot-groups", groups=6, replicates=60)
    tables = read(folder)
    term = next(term for term in terms(tables) if term.term == "hml")
    groups = coefficients(folder).query("term == 'hml'").groupby("portfolio")["estimate"]
    order = [tables.groups[i] for i in term.group]
    for values, expected in (
        (term.low, groups.quantile(0.025)),
        (term.estimate, groups.median()),
        (term.high, groups.quantile(0.975)),
        (term.error, groups.std()),
    ):
        np.testing.assert_allclose(values, expected[order])


def test_groups_are_ranked_by_their_median_over_time(results: Results) -> None:
    folder = results("few", groups=5, windows=40)
    tables = read(folder)
    page = ranking.pages(tables, terms(tables))[0]
    panel = panels(page)[0]
    assert isinstance(panel, Ranges)
    own = coefficients(folder).query("term == 'mkt'").groupby("portfolio")["estimate"]
    expected = own.median().sort_values(ascending=False)
    assert list(panel.labels) == list(expected.index)
    np.testing.assert_allclose(panel.middle, expected)
    np.testing.assert_allclose(panel.low, own.quantile(0.05)[list(panel.labels)])


def test_more_than_sixty_groups_are_binned_by_rank(results: Results) -> None:
    folder = results("many", groups=2000)
    tables = read(folder)
    page = ranking.pages(tables, terms(tables))[0]
    panel = panels(page)[0]
    assert isinstance(panel, Ranges)
    assert len(panel.middle) == 60
    assert np.all(np.diff(panel.middle) < 0)
    frame = coefficients(folder).query("term == 'mkt'").sort_values("estimate", ascending=False)
    assert panel.middle[0] == pytest.approx(frame["estimate"].iloc[:33].mean())
    assert panel.low[0] == pytest.approx(frame["conf_low"].iloc[:33].mean())
    assert table(page).rows[0][1].startswith(frame["portfolio"].iloc[0])


def test_a_course_keeps_the_last_window_and_the_gaps(results: Results) -> None:
    folder = results("gaps", groups=4, windows=300, failed=0.2)
    tables = read(folder)
    page = next(page for page in chapters.pages(tables) if "Each panel" in page.lead)
    panel = panels(page)[0]
    assert isinstance(panel, Lines)
    frame = coefficients(folder).query("term == 'mkt' and portfolio == @panel.title")
    days = pd.to_datetime(frame["window_end"]).astype("datetime64[s]").astype("int64") // 86_400
    known = dict(zip(days, frame["estimate"], strict=True))
    assert panel.x[-1] == tables.times.x[-1]
    for x, middle in zip(panel.x, panel.middle, strict=True):
        assert np.isnan(middle) if x not in known else middle == known[x]


def test_a_group_that_failed_in_every_window_is_no_matter_for_the_headline(
    results: Results,
) -> None:
    folder = results("lost", groups=20, windows=2, failed=0.8, columns=("estimate",), statistics=())
    tables = read(folder)
    assert coefficients(folder)["portfolio"].nunique() < len(tables.groups)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = next(page for page in chapters.pages(tables) if "Each panel" in page.lead)
    own = coefficients(folder).query("term == 'mkt'").groupby("portfolio")["estimate"]
    assert page.title.endswith(f"; {(own.max() - own.min()).idxmax()} moves most")


def test_a_heatmap_is_centred_at_zero_with_a_row_for_each_group(results: Results) -> None:
    folder = results("few", groups=5, windows=40)
    tables = read(folder)
    panel = panels(heatmap.pages(tables, terms(tables))[0])[0]
    assert isinstance(panel, Heat)
    expected = (
        coefficients(folder)
        .query("term == 'mkt'")
        .pivot_table(index="portfolio", columns="window_end", values="estimate")
    )
    assert panel.rows == tuple(expected.index)
    np.testing.assert_allclose(panel.values, expected)
    assert panel.limit == pytest.approx(np.percentile(np.abs(expected), 98))


def test_significant_fits_are_counted_raw_and_adjusted(results: Results) -> None:
    folder = results("many", groups=2000)
    tables = read(folder)
    rows = {row[0]: row for row in table(significance.pages(tables, terms(tables))[0]).rows}
    frame = coefficients(folder)
    for term, rest in frame.groupby("term"):
        raw, adjusted = rest["p_value"], rest["p_adjusted"]
        counts = [(raw < 0.05), (raw < 0.01), (raw < 0.001)]
        assert rows[str(term)][2:5] == tuple(f"{count.sum():,}" for count in counts)
        assert rows[str(term)][6:] == tuple(f"{(adjusted < q).sum():,}" for q in (0.05, 0.01))


def test_the_worst_twenty_are_those_of_the_lowest_r_squared(results: Results) -> None:
    folder = results("many", groups=2000)
    page = quality.pages(read(folder))[-1]
    worst = pd.read_parquet(folder / "fits.parquet").nsmallest(20, "r_squared")
    assert [row[1] for row in table(page).rows] == worst["portfolio"].tolist()


def test_failures_are_counted_by_reason_and_model_with_an_example(results: Results) -> None:
    folder = results("failing", groups=9, windows=50, failed=0.1, slow=0.1, models=("a", "b"))
    tables = read(folder)
    page = failing.pages(tables)[0]
    failures = pd.read_parquet(folder / "failures.parquet")
    expected = failures.groupby(["reason", "model"]).size()
    told = {row[:2]: row[2] for row in table(page).rows if row[0] != "not converged"}
    assert told == {key: f"{count:,}" for key, count in expected.items()}
    assert {row[0] for row in table(page, 1).rows} == set(failures["reason"])
    assert sum(panels(page)[0].values[0]) == len(failures)  # type: ignore[union-attr]


def test_the_verdict_adds_up(results: Results) -> None:
    folder = results("failing", groups=9, windows=50, failed=0.1, slow=0.1, models=("a", "b"))
    counts = verdict.tally(read(folder))
    status = pd.read_parquet(folder / "fits.parquet")["status"].value_counts()
    assert counts["total"] == status.sum()
    assert all(counts[str(name)] == count for name, count in status.items())


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ([{"estimator": "OLS", "formula": "y ~ x"}], "Rows with missing values were dropped"),
        ([{"estimator": "ARIMA", "endog": "y"}], "A series kept its missing values"),
        ([{"callable": "own:fit"}], ""),
    ],
    ids=["formula", "series", "function"],
)
def test_what_became_of_missing_values_depends_on_the_model(
    results: Results, models: list[dict[str, object]], told: str
) -> None:
    folder = results("few", groups=5, windows=40)
    spec = {"data": {"uri": "rows.parquet"}, "models": models}
    said = " ".join(methods.sentences(read(folder, {"spec": spec})))
    assert "Data: rows.parquet." in said
    assert told in said
    assert ("missing" in said) == bool(told)


def test_methods_are_told_from_the_spec(results: Results) -> None:
    folder = results("few", groups=5, windows=40)
    told = " ".join(verdict.pages(read(folder))[0].blocks[3].paragraphs)  # type: ignore[union-attr]
    for part in (
        "OLS excess ~ mkt + smb + hml + mom was fitted to every slice",
        "autocorrelation-robust standard errors (HAC), 6 lags",
        "rolling windows of 60 rows over date within each of 5 values of portfolio",
        "method of Benjamini-Hochberg, in families of equal model and term",
        "Rows with missing values were dropped fit by fit.",
        "300 of 22,800 batched fits were done again by plain statsmodels.",
    ):
        assert part in told
