"""Every example file runs, and its numbers are those of a naive loop of the formula interface.

To be quick the tests fit a part of each file (`--only`, `--sample`); what is fitted is fitted as
in a whole run.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"

PARTS = {
    "fama-french-rolling.yaml": ["--only", "portfolio=S1V1", "--sample", "150"],
    "randhie-poisson-bootstrap.yaml": ["--sample", "6"],
    "fair-logit.yaml": [],
    "engel-quantiles.yaml": [],
    "grunfeld-mixed.yaml": ["--sample", "4"],
    "french-arima.yaml": ["--only", "portfolio=S1V1", "--only", "portfolio=S5V5"],
    "sharpe-callable.yaml": ["--only", "portfolio=S1V1"],
}


def test_every_example_with_models_is_run_here():
    files = {path.name for path in EXAMPLES.glob("*.yaml")}
    assert files == {*PARTS, "grid-program.yaml"}


@pytest.fixture
def run_example(modelrun, tmp_path):
    def run(name: str, *more: str) -> Path:
        ended = modelrun(
            "run", EXAMPLES / name, "--backend", "serial", "--to", "out", *PARTS[name], *more
        )
        assert ended.code == 0, ended.err
        return tmp_path / "out"

    return run


@pytest.mark.parametrize("name", PARTS)
def test_an_example_runs_to_complete_results(run_example, name):
    out = run_example(name, "--no-report")
    run = json.loads((out / "run.json").read_text())
    fits = pd.read_parquet(out / "fits.parquet")
    counts = run["fits"]
    assert counts["total"] == len(fits) > 0
    assert counts["failed"] == 0
    assert counts["succeeded"] + counts["notConverged"] + counts["skipped"] == counts["total"]
    coefficients = pd.read_parquet(out / "coefficients.parquet")
    assert set(coefficients["fit_key"]) <= set(fits["fit_key"])
    assert np.isfinite(coefficients["estimate"]).all()


def french() -> pd.DataFrame:
    from modelrun import datasets
    from modelrun_api.spec import Data

    return datasets.read(Data(dataset="french"), base=EXAMPLES).to_pandas()


def test_rolling_regressions_equal_the_formula_interface(run_example):
    out = run_example("fama-french-rolling.yaml", "--no-report")
    table = pd.read_parquet(out / "coefficients.parquet")
    data = french().query("portfolio == 'S1V1'").sort_values("date")
    ends = sorted(table["window_end"].unique())
    for end in ends[:: max(1, len(ends) // 10)]:
        window = data[data["date"] <= end].tail(60)
        fitted = smf.ols("excess ~ mkt + smb + hml + mom", window).fit(
            cov_type="HAC", cov_kwds={"maxlags": 6}
        )
        ours = table[table["window_end"] == end].set_index("term")
        unit = np.maximum(fitted.params.abs(), fitted.bse)
        assert ((ours["estimate"] - fitted.params).abs() <= 1e-8 * unit).all()
        assert np.allclose(ours["std_error"], fitted.bse, rtol=1e-8)
        assert np.allclose(ours["p_value"], fitted.pvalues, rtol=1e-6, atol=1e-14)
        assert np.allclose(
            ours[["conf_low", "conf_high"]], fitted.conf_int(), rtol=1e-7, atol=1e-10
        )


def test_adjusted_p_values_are_those_of_statsmodels_within_each_family(run_example):
    from statsmodels.stats.multitest import multipletests

    table = pd.read_parquet(run_example("fair-logit.yaml", "--no-report") / "coefficients.parquet")
    for _, family in table.groupby("term"):
        expected = multipletests(family["p_value"], method="holm")[1]
        assert np.allclose(family["p_adjusted"], expected, rtol=1e-14, atol=0)


def test_logistic_regressions_equal_the_formula_interface(run_example):
    table = pd.read_parquet(run_example("fair-logit.yaml", "--no-report") / "coefficients.parquet")
    data = sm.datasets.fair.load_pandas().data
    data["any"] = (data["affairs"] > 0).astype(float)
    for occupation, group in data.groupby("occupation"):
        fitted = smf.logit(
            "any ~ rate_marriage + age + yrs_married + children + religious", group
        ).fit(disp=0)
        ours = table[table["occupation"] == occupation].set_index("term")
        assert np.allclose(ours["estimate"], fitted.params, rtol=1e-7, atol=1e-9)
        assert np.allclose(ours["std_error"], fitted.bse, rtol=1e-7)


def test_quantile_regressions_equal_the_formula_interface(run_example):
    table = pd.read_parquet(
        run_example("engel-quantiles.yaml", "--no-report") / "coefficients.parquet"
    )
    data = sm.datasets.engel.load_pandas().data
    for q in (0.05, 0.5, 0.95):
        fitted = smf.quantreg("foodexp ~ income", data).fit(q=q)
        ours = table[table["model"] == f"q{int(q * 100):02d}"].set_index("term")
        assert np.allclose(ours["estimate"], fitted.params, rtol=1e-7)
        assert np.allclose(ours["std_error"], fitted.bse, rtol=1e-6)


def test_a_callable_gives_a_row_for_each_key(run_example):
    out = run_example("sharpe-callable.yaml", "--no-report")
    table = pd.read_parquet(out / "coefficients.parquet")
    assert set(table["term"]) == {"sharpe", "std_error"}
    first = table.iloc[0]
    data = french().query("portfolio == 'S1V1'")
    window = data[data["date"].between(first["window_start"], first["window_end"])]["excess"]
    assert first["estimate"] == pytest.approx(window.mean() / window.std() * np.sqrt(12))


def test_the_example_of_make_run_draws_its_report(run_example):
    out = run_example("fama-french-rolling.yaml")
    html = (out / "report.html").read_text()
    assert len(html) <= 5_000_000
    assert "four-factor" in html
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_program_example_runs_unchanged_on_dask(modelrun, tmp_path):
    for name in ("grid-program.yaml", "grid.py"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    ended = modelrun("run", "grid-program.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    assert "best of 6 orders" in ended.out
