"""A mistake in a file is shown with its place, its lines, its value and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelrun_api import SpecError, load, load_run, load_run_text, load_text, validate_run

# The line of the file, the text that replaces it, and what the message must hold.
CASES = {
    "an unknown field": (
        "    estimator: OLS",
        "    estimater: OLS",
        ["f.yaml:10:5: spec.models[0].estimater: unknown field", "did you mean: estimator"],
    ),
    "a field of another level": (
        "    estimator: OLS",
        "    estimator: OLS\n    cov_type: HAC",
        ["f.yaml:11:5: spec.models[0].cov_type", "fit: {cov_type: …}"],
    ),
    "a field in the spelling of Python": (
        "  data:",
        "  active_deadline_seconds: 90\n  data:",
        ["spec.active_deadline_seconds: unknown", "did you mean: activeDeadlineSeconds"],
    ),
    "a text for a number": (
        "  data:",
        '  backoffLimit: "2"\n  data:',
        ["f.yaml:6:17: spec.backoffLimit: the wrong kind", 'found:        "2"', "without quotes"],
    ),
    "a number for a text": (
        "  data:",
        "  results: {confLevel: 0.95}\n  data:",
        ["spec.results.confLevel", "found:        0.95", 'quote it, "0.95"'],
    ),
    "an exponent for a text": (
        "    dataset: french",
        "    dataset: 1e-8",
        ["kubectl reads 1e-8 as a number: quote it"],
    ),
    "a number that is too large": (
        "  data:",
        "  backoffLimit: 101\n  data:",
        ["the number is too large", "from 0 to 100"],
    ),
    "y for a column": (
        "  data:",
        "  slices: {by: [y]}\n  data:",
        ["f.yaml:6:17: spec.slices.by[0]", "found:        true", "YAML reads y as true: quote it"],
    ),
    "y as a key": (
        "    estimator: OLS",
        "    estimator: OLS\n    init: {y: 1}",
        ["f.yaml:11:12: spec.models[0].init.y: YAML reads the key y as true", '"y"'],
    ),
    "a number as a key": (
        "    estimator: OLS",
        "    estimator: OLS\n    init: {1: 1}",
        ["YAML reads the key 1 as a number", 'quote it, "1"'],
    ),
    "an empty value": (
        "    dataset: french",
        "    dataset: french\n    where:",
        ["f.yaml:8:11: spec.data.where: the value is empty (null)", "leave the key out"],
    ),
    "null deep inside a free map": (
        "    estimator: OLS",
        "    estimator: OLS\n    fit: {a: {b: [null]}}",
        ["spec.models[0].fit.a.b[0]: the value is empty (null)"],
    ),
    "infinity": (
        "    estimator: OLS",
        "    estimator: OLS\n    fit: {a: .inf}",
        ["spec.models[0].fit.a: .inf is not a number"],
    ),
    "not a number": (
        "    estimator: OLS",
        "    estimator: OLS\n    fit: {a: .NaN}",
        ["spec.models[0].fit.a: .NaN is not a number"],
    ),
    "a key that stands twice": (
        "  data:",
        "  data: {dataset: co2}\n  data:",
        ["f.yaml:7:3: spec.data: the key data stands twice, first in line 6"],
    ),
    "two sources": (
        "    dataset: french",
        "    dataset: french\n    uri: a.parquet",
        ["give exactly one of uri, volume and dataset; found uri and dataset"],
    ),
    "no source": (
        "    dataset: french",
        '    where: "a > 1"',
        ["f.yaml:6:3: spec.data: give exactly one of uri, volume and dataset; found none"],
    ),
    "passwords in an address": (
        "    dataset: french",
        "    uri: s3://id:geheim@bucket/a.parquet\n    dataset: french",
        ["s3://*********@bucket/a.parquet"],
    ),
    "a name of statsmodels for a column": (
        "  data:",
        "  results: {fits: [rsquared, llf], coefficients: [bse, tvalues, pvalues, coef]}\n  data:",
        ["r_squared", "log_lik", "std_error", "statistic", "p_value", "did you mean: estimate"],
    ),
    "a capital in the name of the run": (
        "  name: a-run",
        "  name: A-run",
        ["f.yaml:4:9: metadata.name", 'found:        "A-run"', "lower-case"],
    ),
    "a name that is too long": ("  name: a-run", "  name: " + "a" * 41, ["metadata.name", "40"]),
    "two models of one name": (
        '    formula: "excess ~ mkt"',
        '    formula: "excess ~ mkt"\n  - {name: first, estimator: OLS, formula: "excess ~ smb"}',
        ["f.yaml:12:12: spec.models[1].name", "first is used twice", "spec.models[0]"],
    ),
    "no models": (
        '  models:\n  - name: first\n    estimator: OLS\n    formula: "excess ~ mkt"',
        "  models: []",
        ["spec.models: models is empty"],
    ),
    "estimator and callable": (
        "    estimator: OLS",
        '    estimator: OLS\n    callable: "a:b"',
        ["give exactly one of estimator and callable"],
    ),
    "a callable with a formula": (
        "    estimator: OLS",
        '    callable: "a:b"',
        ["spec.models[0].formula: formula goes with an estimator"],
    ),
    "a callable that names no function": (
        "    estimator: OLS",
        "    callable: decay",
        ["module:function, such as decay:fit"],
    ),
    "a negative window": (
        "  data:",
        "  slices: {window: {column: date, size: -60}}\n  data:",
        ["f.yaml:6:41: spec.slices.window.size: the number is too small", "found:        -60"],
    ),
    "a window of an unknown unit": (
        "  data:",
        "  slices: {window: {column: date, size: 5 years}}\n  data:",
        ["the text has the wrong form", "such as 5Y"],
    ),
    "a block bootstrap without a length": (
        "  data:",
        "  slices: {resample: {method: block, replicates: 9}}\n  data:",
        ["blockLength goes with method block"],
    ),
    "a percentage with a space": (
        "  data:",
        "  execution: {maxFailed: 5 %}\n  data:",
        ["spec.execution.maxFailed", "such as 5% or 0.1%"],
    ),
    "p_adjusted without saying how": (
        "  data:",
        "  results: {coefficients: [p_adjusted]}\n  data:",
        ["f.yaml:6:28: spec.results.coefficients[0]", "results.adjust"],
    ),
    "a program with data": (
        "  data:",
        "  program: {command: [python, a.py]}\n  data:",
        ["spec.data: program stands instead of data"],
    ),
    "a budget as a number": (
        "  data:",
        "  budget: {amount: 50}\n  data:",
        ["spec.budget.amount", 'quote it, "50"'],
    ),
    "a tab": ("    dataset: french", "\tdataset: french", ["f.yaml:7:1", "never with tabs"]),
    "a colon without quotes": (
        '    formula: "excess ~ mkt"',
        "    formula: excess ~ a: b",
        ["f.yaml:11:24: not YAML", "needs quotes"],
    ),
    "another kind": ("kind: ModelRun", "kind: Modelrun", ["did you mean: ModelRun"]),
    "another version": (
        "apiVersion: modelrun.dev/v1alpha1",
        "apiVersion: modelrun.dev/v1",
        ["f.yaml:1:13: apiVersion", "modelrun.dev/v1alpha1"],
    ),
    "no kind": ("kind: ModelRun\n", "", ["kind: the field is missing", "allowed:      ModelRun"]),
    "no spec": ("spec:", "spec2:", ["spec: the field is missing", "spec2: unknown field"]),
    "a YAML tag": (
        "    dataset: french",
        "    dataset: !thing x",
        ["the YAML tag !thing is not used"],
    ),
    "an alias that contains itself": (
        "    dataset: french",
        "    dataset: &a [*a]",
        ["an alias contains itself"],
    ),
}


def problems_of(text: str) -> SpecError:
    with pytest.raises(SpecError) as error:
        load_run_text(text, "f.yaml")
    return error.value


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_shown_with_its_place_and_its_remedy(case, run_text):
    old, new, expected = CASES[case]
    assert old in run_text
    shown = problems_of(run_text.replace(old, new, 1)).render()
    for words in expected:
        assert words in shown, shown
    assert "Traceback" not in shown
    assert "geheim" not in shown


def test_the_block_shows_the_lines_and_a_caret_below_the_value(run_text):
    error = problems_of(run_text.replace("estimator: OLS", "estimator: 5"))
    assert error.render().splitlines() == [
        "f.yaml:10:16: spec.models[0].estimator: the wrong kind of value: a number",
        "   8 |   models:",
        "   9 |   - name: first",
        "  10 |     estimator: 5",
        "     |                ^",
        "    found:        5",
        "    allowed:      a text from 1 to 63 characters",
        '    kubectl reads 5 as a number: quote it, "5"',
    ]


def test_all_mistakes_are_reported_together_in_the_order_of_the_file(run_text):
    text = run_text.replace("a-run", "A").replace("french", "\n    where:").replace("OLS", "5")
    error = problems_of(text)
    lines = [problem.line for problem in error.problems]
    assert len(error.problems) >= 3
    assert lines == sorted(lines)
    assert f"{len(error.problems)} problems in f.yaml" in error.render()


def test_one_line_for_logs_holds_place_value_and_remedy(run_text):
    error = problems_of(run_text.replace("estimator: OLS", "estimator: OLS\n    fitt: {}"))
    assert str(error).count("\n") == 0
    assert str(error).startswith(
        "f.yaml:11:5: spec.models[0].fitt: unknown field; did you mean fit"
    )


def test_colour_is_only_added_to_the_words(run_text):
    error = problems_of(run_text.replace("OLS", "5"))
    plain, coloured = error.render(), error.render(color=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain


def test_a_later_stage_points_into_the_document_too(run_text):
    loaded = load_text(run_text, "f.yaml")
    problem = loaded.document.problem(
        ("spec", "models", 0, "formula"),
        "the data have no column mkt",
        value="mkt",
        allowed=("MktRF", "mkt_rf", "date"),
        offset=len("excess ~ "),
    )
    assert (problem.line, problem.column) == (11, 24)
    assert problem.nearest == "mkt_rf"
    assert problem.excerpt[-1] == (11, '    formula: "excess ~ mkt"')


def test_a_path_that_is_not_there_points_at_its_parent(run_text):
    document = load_text(run_text, "f.yaml").document
    problem = document.problem(("spec", "slices", "by"), "no such thing")
    assert (problem.line, problem.path) == (5, "spec.slices.by")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("- a\n", "not a mapping"),
        ("text", "not a mapping"),
        ("kind: Foo\n---\nkind: Bar\n", "none of its documents is a ModelRun: found Foo, Bar"),
        ("a: [1", "not YAML"),
        ("a: *b", "undefined alias"),
        ("\x00", "not YAML"),
    ],
)
def test_a_text_that_is_no_run_says_what_it_is(text, words):
    assert words in str(problems_of(text))


def test_a_run_among_other_documents_is_found_with_its_own_lines(run_text):
    other = "kind: ConfigMap\ndata: null\nx: .inf\n"
    text = f"{other}---\n{run_text}---\n{other}"
    loaded = load_text(text, "f.yaml")
    assert loaded.run.metadata.name == "a-run"
    assert loaded.document.problem(("kind",), "x").line == 6


def test_two_runs_in_one_file_are_too_many(run_text):
    error = problems_of(f"{run_text}---\n{run_text}")
    assert "2 documents are a ModelRun, in lines 1, 13" in str(error)


def test_a_missing_file_names_the_one_that_was_meant(tmp_path: Path):
    (tmp_path / "study.yaml").write_text("x")
    with pytest.raises(SpecError, match=r"no such file; did you mean .*study\.yaml"):
        load(tmp_path / "studdy.yaml")


def test_a_folder_and_a_binary_file_are_no_runs(tmp_path: Path):
    with pytest.raises(SpecError, match="a folder, not a file"):
        load_run(tmp_path)
    binary = tmp_path / "a.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="not text in UTF-8"):
        load_run(binary)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"data": {"where": None}}, "spec.data.where: the value is None"),
        ({"data": {"where": float("nan")}}, "spec.data.where: nan is not a number"),
        ({"data": {1: 2}}, "the key 1 is not text"),
        ({"data": {"where": {1, 2}}}, "has no JSON form"),
        ({"data": {"uri": 5}}, "spec.data.uri: the wrong kind of value"),
    ],
)
def test_a_dictionary_is_judged_like_a_file_without_lines(spec, words):
    with pytest.raises(SpecError) as error:
        validate_run({"metadata": {"name": "a"}, "spec": spec})
    assert words in str(error.value)
    assert str(error.value).startswith("<dictionary>: ")


def test_a_dictionary_may_leave_out_what_is_always_the_same():
    run = validate_run(
        {
            "metadata": {"name": "a"},
            "spec": {
                "data": {"dataset": "french"},
                "models": ({"name": "m", "callable": "a:b", "kwargs": {"lags": 3.0}},),
            },
        }
    )
    assert run.kind == "ModelRun"
    assert run.spec.models[0].kwargs == {"lags": 3}
    assert isinstance(run.spec.models[0].kwargs["lags"], int)


def test_a_run_written_out_and_read_again_is_the_same():
    examples = sorted((Path(__file__).parents[2] / "app/examples").glob("*.yaml"))
    for example in examples:
        run = load_run(example)
        assert validate_run(run.document()) == run
