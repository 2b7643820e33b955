"""What a runner leaves for the operator: counts and, of failed fits, reasons with an example."""

from __future__ import annotations

import pytest

from modelrun_api.outcome import OUTCOME_FILE_VARIABLE, read_outcome

FILE = """
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {name: told}
spec:
  data: {dataset: french}
  models:
  - {name: mean, callable: "moody:mean"}
  slices: {by: [portfolio]}
  execution: {maxFailed: LIMIT}
  results: {report: {html: false, pdf: false}}
"""

MOODY = """
def mean(frame):
    if frame["portfolio"].iloc[0].startswith("S1"):
        raise ArithmeticError("no mean of small companies")
    return {"mean": frame["excess"].mean()}
"""


@pytest.mark.parametrize(("limit", "code"), [("100%", 0), ("0", 3)])
def test_failures_are_told_by_reason_with_an_example(tmp_path, monkeypatch, modelrun, limit, code):
    (tmp_path / "moody.py").write_text(MOODY)
    (tmp_path / "told.yaml").write_text(FILE.replace("LIMIT", limit))
    outcome = tmp_path / "outcome.json"
    monkeypatch.setenv(OUTCOME_FILE_VARIABLE, str(outcome))
    ended = modelrun("run", tmp_path / "told.yaml", "--to", tmp_path / "out", "--backend", "serial")
    assert ended.code == code, ended.err
    told = read_outcome(outcome.read_text())
    assert told is not None
    assert (told.exit_code, told.fits.total, told.fits.failed) == (code, 30, 6)
    (group,) = told.failures
    assert (group.reason, group.count) == ("CallableError", 6)
    assert group.example.startswith("mean · portfolio=S1M1: ArithmeticError")
    assert told.uri == str(tmp_path / "out")
