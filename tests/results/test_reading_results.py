import io
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import modelrun
from modelrun.errors import UserMistake
from modelrun.results.difference import compare
from modelrun.results.export import export_csv
from modelrun.results.summary import summarise
from support.runs import run


def rendered(value) -> str:
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(value)
    return console.export_text()


def test_a_summary_counts_fits_and_describes_terms(finished_run) -> None:
    said = summarise(finished_run)
    frame = pd.read_parquet(f"{finished_run}/coefficients.parquet")
    one = frame[(frame.model == "model-1") & (frame.term == "mkt")]
    term = next(t for t in said.terms if (t.model, t.term) == ("model-1", "mkt"))
    assert term.fits == len(one)
    assert term.mean == pytest.approx(one.estimate.mean())
    assert term.sd == pytest.approx(one.estimate.std())
    assert term.low == pytest.approx(one.estimate.quantile(0.025))
    p = one.p_adjusted.dropna()
    assert term.significant == pytest.approx((p < 0.05).mean())
    fits = pd.read_parquet(f"{finished_run}/fits.parquet")
    assert said.fits["total"] == len(fits)
    assert (
        said.models["model-0"]["failed"]
        == ((fits.model == "model-0") & (fits.status == "failed")).sum()
    )
    assert said.failures[0].reason == "EstimatorError"
    assert "portfolio=P" in said.failures[0].example
    assert json.loads(json.dumps(said.document()))["study"] == "hand-made"


def test_a_summary_shows_itself_on_a_terminal(finished_run) -> None:
    text = rendered(summarise(finished_run))
    for word in ("hand-made", "30 fits", "mkt", "EstimatorError", "fits.parquet", "audit"):
        assert word in text


def test_no_results_is_the_users_mistake(tmp_path) -> None:
    with pytest.raises(UserMistake, match="there are no results"):
        summarise(tmp_path)
    with pytest.raises(UserMistake, match="there are no results"):
        modelrun.open_results(tmp_path / "nowhere")


def test_a_run_equals_itself(finished_run, tmp_path) -> None:
    same = run(tmp_path / "again")
    said = compare(finished_run, same)
    assert said.equal
    assert said.both == 30
    assert "the same fits and the same numbers" in rendered(said)


def test_a_comparison_finds_the_largest_difference_and_where_it_is(finished_run, tmp_path) -> None:
    other = run(tmp_path / "other")
    path = tmp_path / "other" / "coefficients.parquet"
    frame = pd.read_parquet(path)
    frame.loc[7, "estimate"] += 0.5
    frame.loc[3, "estimate"] += 0.25
    frame.loc[9, "std_error"] = np.nan
    frame.to_parquet(path)
    said = compare(finished_run, other)
    assert not said.equal
    assert said.only_left.count == said.only_right.count == said.status.count == 0
    by_name = {column.column: column for column in said.columns}
    assert set(by_name) == {"estimate", "std_error"}
    assert by_name["estimate"].rows == 2
    assert by_name["estimate"].largest == pytest.approx(0.5)
    row = frame.loc[7]
    assert (
        f"model={row.model}" in by_name["estimate"].where or row.model in by_name["estimate"].where
    )
    assert f"portfolio={row.portfolio}" in by_name["estimate"].where
    assert row.term in by_name["estimate"].where
    assert by_name["std_error"].missing == 1
    assert "coefficients.estimate" in rendered(said)


def test_fits_of_one_run_only_are_named(finished_run, tmp_path) -> None:
    longer = run(tmp_path / "longer", windows=6)
    said = compare(finished_run, longer)
    assert (said.both, said.only_left.count, said.only_right.count) == (30, 0, 6)
    assert "window_end=2001-06-01" in said.only_right.examples[0]


def test_runs_with_other_slices_cannot_be_matched(finished_run, tmp_path) -> None:
    run(tmp_path)
    for name in ("fits", "coefficients"):
        path = tmp_path / f"{name}.parquet"
        table = pq.read_table(path)
        pq.write_table(table.drop_columns("portfolio"), path)
    with pytest.raises(UserMistake, match="cannot be matched"):
        compare(finished_run, str(tmp_path))


def test_csv_files_hold_what_the_tables_hold(finished_run, tmp_path) -> None:
    written = export_csv(finished_run, tmp_path / "csv")
    assert [path.name for path in written] == ["fits.csv", "coefficients.csv", "failures.csv"]
    for path in written:
        table = pd.read_parquet(f"{finished_run}/{path.stem}.parquet")
        read = pd.read_csv(path)
        assert list(read.columns) == list(table.columns)
        assert len(read) == len(table)
    assert read["reproduce"][0] == table["reproduce"][0]


def test_the_python_door_hands_out_pandas_frames(finished_run) -> None:
    result = modelrun.open_results(finished_run)
    assert list(result.fits["model"].unique()) == ["model-0", "model-1"]
    assert result.fits["window_end"].dtype.kind == "M"
    assert result.coefficients is result.coefficients
    assert set(result.failures["reason"]) == {"EstimatorError"}
    assert result.counts["total"] == 30
    assert result.run["study"] == "hand-made"
    with pytest.raises(UserMistake, match=r"results\.observations"):
        _ = result.observations
    assert "30 fits" in repr(result)
    assert "<table>" in result._repr_html_()
    assert "30 fits" in rendered(result.summary())


def test_pictures_are_drawn_on_the_axes_one_gives(finished_run) -> None:
    from matplotlib.figure import Figure

    plot = modelrun.open_results(finished_run).plot
    axes = iter(Figure().subplots(2, 3).flat)
    for draw, arguments in (
        (plot.coefficients, {}),
        (plot.coefficients, {"term": "mkt"}),
        (plot.ranking, {"term": "mkt", "model": "model-0"}),
        (plot.course, {"term": "mkt"}),
        (plot.p_values, {}),
        (plot.status, {}),
    ):
        ax = next(axes)
        assert draw(**arguments, ax=ax) is ax
        assert ax.has_data()
    with pytest.raises(UserMistake, match="did you mean 'mkt'"):
        plot.ranking("mktt")
