import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrun.errors import ModelrunError
from modelrun.results.assemble import assemble
from modelrun.store.store import Store
from modelrun_api.spec import Adjust, Results
from support.finished import finished, keys, outputs, status_of, study

ASKED = ["p_value", "estimate", "p_adjusted"]
RESULTS = Results(
    coefficients=ASKED, adjust=Adjust(method="fdr_bh", within=["model", "term"]),
    observations=["fitted", "resid"],
)  # fmt: skip
OBSERVED = outputs(("fitted", "resid"))
STUDY = study(models=2, groups=3, windows=5, observations=("fitted", "resid"))
FITS = np.arange(30)


def write(folder, frames: list[np.ndarray], *, results: Results = RESULTS, made=OBSERVED) -> None:
    with Store.open(str(folder), study_name="a") as store:
        for fits in frames:
            store.append(finished(fits, made=made), *keys(fits))


def tables(
    folder, *, the_study=STUDY, results=RESULTS, fits=FITS, **options
) -> dict[str, pa.Table]:
    with Store.open(str(folder), study_name="a") as store:
        hi, lo = keys(fits)
        assemble(the_study, hi, lo, store, store.lookup(hi, lo), results, **options)
    return {path.stem: pq.read_table(path) for path in folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    folder = tmp_path_factory.mktemp("undisturbed")
    write(folder, [FITS])
    return tables(folder)


def test_every_table_says_which_fit_a_row_belongs_to(undisturbed) -> None:
    for name, table in undisturbed.items():
        assert table.column_names[:6] == [
            "fit_key", "model", "portfolio", "size", "window_start", "window_end"
        ], name  # fmt: skip
    fits = undisturbed["fits"]
    hi, lo = keys(FITS)
    said = [f"{int(h):016x}{int(k):016x}" for h, k in zip(hi, lo, strict=True)]
    assert fits["fit_key"].to_pylist() == said
    assert fits["model"].to_pylist() == ["model-0"] * 15 + ["model-1"] * 15
    assert fits["portfolio"].to_pylist() == [f"P{i % 15 // 5}" for i in range(30)]
    assert fits["size"].to_pylist() == [i % 15 // 5 // 2 for i in range(30)]
    assert fits["window_end"][4].as_py().isoformat()[:10] == "2001-05-01"


def test_text_columns_read_back_as_text(undisturbed) -> None:
    table = undisturbed["coefficients"]
    for name in ("fit_key", "model", "portfolio", "component", "term", "dist"):
        assert table.schema.field(name).type == pa.string(), name
    assert undisturbed["fits"].schema.field("status").type == pa.string()


def test_one_row_per_fit_with_status_and_reason(undisturbed) -> None:
    fits = undisturbed["fits"]
    status = status_of(FITS)
    assert fits["status"].to_pylist() == status.tolist()
    said = {"failed": "EstimatorError", "skipped": "TooFewRows"}
    assert fits["reason"].to_pylist() == [said.get(word) for word in status.tolist()]
    assert fits["nobs"].to_pylist() == (60 + FITS).tolist()
    assert fits.column_names[6:] == [
        "status", "reason", "nobs", "r_squared", "converged", "warnings", "separated",
        "rank_deficient", "numerics", "engine", "seconds", "reused",
    ]  # fmt: skip


def test_one_row_per_fit_and_term_with_the_asked_columns_in_their_order(undisturbed) -> None:
    table = undisturbed["coefficients"]
    assert table.column_names[6:] == ["component", "term", *ASKED, "df", "dist"]
    frame = finished(FITS, made=OBSERVED)
    expected = [
        (term["term"], term["estimate"])
        for row in frame.column("coefficients").to_pylist()
        for term in row
    ]
    assert (
        list(zip(table["term"].to_pylist(), table["estimate"].to_pylist(), strict=True)) == expected
    )
    whole = np.isin(status_of(FITS), ["succeeded", "notConverged"])
    owners = np.repeat(undisturbed["fits"]["fit_key"].to_numpy(), np.where(whole, 1 + FITS % 4, 0))
    assert table["fit_key"].to_pylist() == owners.tolist()


def test_failures_hold_the_failed_only_and_how_to_reproduce_them(undisturbed) -> None:
    table = undisturbed["failures"]
    assert table.num_rows == (status_of(FITS) == "failed").sum() > 0
    assert set(table["reason"].to_pylist()) == {"EstimatorError"}
    assert table["message"][0].as_py().startswith("fit ")
    key = table["fit_key"][0].as_py()
    assert table["reproduce"][0].as_py() == f"modelrun fit {key} FILE"


def test_observations_belong_to_their_fits(undisturbed) -> None:
    table = undisturbed["observations"]
    assert table.column_names[6:] == ["row", "fitted", "resid"]
    number = dict(zip(undisturbed["fits"]["fit_key"].to_pylist(), FITS.tolist(), strict=True))
    expected = [1.5 * row["row"] + number[row["fit_key"]] for row in table.to_pylist()]
    assert table["fitted"].to_pylist() == expected


@pytest.mark.parametrize("method", ["bonferroni", "holm", "fdr_bh", "fdr_by"])
@pytest.mark.parametrize(
    "within", [["model", "term"], ["portfolio"], ["term", "window_end", "size"]]
)
def test_p_values_are_adjusted_within_their_families(tmp_path, method, within) -> None:
    from statsmodels.stats.multitest import multipletests

    write(tmp_path, [FITS])
    results = RESULTS.model_copy(update={"adjust": Adjust(method=method, within=within)})
    table = tables(tmp_path, results=results)["coefficients"].to_pandas()
    families = 0
    for _, rows in table.groupby(within):
        tested = rows[rows.p_value.notna()]
        assert rows.p_adjusted.isna().tolist() == rows.p_value.isna().tolist()
        if len(tested) and families < 8:  # statsmodels collects garbage after every family
            families += 1
            expected = multipletests(tested.p_value, method=method)[1]
            assert np.abs(tested.p_adjusted - expected).max() < 1e-14
    assert families > 2


def test_nothing_finished_gives_empty_tables_with_all_columns(tmp_path, undisturbed) -> None:
    found = tables(tmp_path, complete=False)
    for name, table in found.items():
        assert table.num_rows == 0
        assert table.schema.equals(undisturbed[name].schema), name


def test_a_plan_with_an_unfinished_fit_is_no_complete_run(tmp_path) -> None:
    write(tmp_path, [FITS[:29]])
    with pytest.raises(ModelrunError, match="do not add up"):
        tables(tmp_path)
    assert not list(tmp_path.glob("*.parquet"))
    assert not list(tmp_path.glob(".*.part"))
    assert tables(tmp_path, complete=False)["fits"].num_rows == 29


def test_models_that_are_the_same_but_for_their_names_share_stored_fits(tmp_path) -> None:
    fits = np.concatenate([FITS[:15], FITS[:15]])
    write(tmp_path, [FITS[:15]])
    table = tables(tmp_path, fits=fits)["fits"]
    assert table["model"].to_pylist() == ["model-0"] * 15 + ["model-1"] * 15
    assert table["nobs"].to_pylist() == (60 + fits).tolist()


def test_replicates_and_subsets_are_labelled_by_their_numbers(tmp_path) -> None:
    drawn = study(models=1, groups=2, windows=2, replicates=3)
    write(tmp_path, [np.arange(12)], made=outputs())
    with Store.open(str(tmp_path), study_name="a") as store:
        some = np.array([2, 3, 11])
        hi, lo = keys(some)
        done = assemble(
            drawn,
            hi,
            lo,
            store,
            store.lookup(hi, lo),
            Results(coefficients=["estimate"]),
            fits=some,
        )
    table = pq.read_table(tmp_path / "fits.parquet")
    assert done.counts.total == 3
    assert table["replicate"].to_pylist() == [2, 0, 2]
    assert table["portfolio"].to_pylist() == ["P0", "P0", "P1"]
    assert not (tmp_path / "observations.parquet").exists()


def test_what_was_stored_before_the_run_counts_as_reused(tmp_path) -> None:
    write(tmp_path, [FITS[:20]])
    with Store.open(str(tmp_path), study_name="a") as store:
        store.append(finished(FITS[20:], made=OBSERVED), *keys(FITS[20:]))
        hi, lo = keys(FITS)
        counts = assemble(STUDY, hi, lo, store, store.lookup(hi, lo), RESULTS).counts
    assert counts.reused == 20
    assert (
        pq.read_table(tmp_path / "fits.parquet")["reused"].to_pylist() == [True] * 20 + [False] * 10
    )
    document = counts.document()
    assert document["total"] == 30
    assert sum(document[name] for name in ("succeeded", "notConverged", "failed", "skipped")) == 30


def test_labels_of_any_kind_survive(tmp_path) -> None:
    from dataclasses import replace

    odd = replace(
        STUDY,
        groups=pa.table(
            {
                "portfolio": pa.array(["é", None, "b"]).dictionary_encode(),
                "size": pa.array([1.5, float("nan"), None]),
                "flag": pa.array([True, False, None]),
                "day": pa.array([0, 1, 2], pa.date32()),
                "text": pa.array(["x", "y", "x"], pa.large_string()),
            }
        ),
        panel=pa.table({"date": pa.array(range(15), pa.timestamp("us", "Europe/Berlin"))}),
    )
    write(tmp_path, [FITS])
    found = tables(tmp_path, the_study=odd)["fits"]
    assert found["portfolio"].to_pylist()[:11:5] == ["é", None, "b"]
    assert found["text"].to_pylist()[:11:5] == ["x", "y", "x"]
    assert found["flag"].to_pylist()[:11:5] == [True, False, None]
    assert found.schema.field("window_end").type == pa.timestamp("us", "Europe/Berlin")
    assert found.schema.field("day").type == pa.date32()
    assert found.schema.field("text").type == pa.string()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_kill_point_order_and_cutting_gives_the_same_tables(
    tmp_path_factory, undisturbed, data
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    for _ in range(data.draw(st.integers(1, 3), label="attempts")):
        todo = data.draw(st.permutations(FITS.tolist()), label="order")
        size = data.draw(st.integers(1, 30), label="fits per frame")
        with Store.open(str(folder), study_name="a") as store:
            known = store.lookup(*keys(FITS)) >= 0
            left = np.array([fit for fit in todo if not known[fit]], np.int64)
            for first in range(0, len(left), size):
                some = left[first : first + size]
                store.append(finished(some, made=OBSERVED), *keys(some))
        parts = sorted((folder / "parts").glob("*.seg"))
        if parts:
            length = parts[-1].stat().st_size
            with parts[-1].open("r+b") as file:
                file.truncate(data.draw(st.integers(0, length), label="killed at byte"))
    with Store.open(str(folder), study_name="a") as store:
        left = FITS[store.lookup(*keys(FITS)) < 0]
        if len(left):
            store.append(finished(left, made=OBSERVED), *keys(left))
    found = tables(folder)
    assert found.keys() == undisturbed.keys()
    for name, expected in undisturbed.items():
        columns = [column for column in expected.column_names if column != "reused"]
        rows, wanted = found[name].select(columns), expected.select(columns)
        assert repr(rows.to_pylist()) == repr(wanted.to_pylist()), name
        assert rows.schema.equals(wanted.schema), name
