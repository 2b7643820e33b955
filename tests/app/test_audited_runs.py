"""What an audit leads to: a report that says so, and statsmodels where it found something."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelrun import arrays, auditing
from modelrun.report import press, report

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"

FILE = """
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {name: audited}
spec:
  data: {dataset: french}
  models:
  - {name: capm, estimator: OLS, formula: "excess ~ mkt"}
  - {name: three-factor, estimator: OLS, formula: "excess ~ mkt + smb + hml"}
  slices: {by: [portfolio]}
"""


@pytest.fixture
def run(modelrun, write):
    """Return a function that runs the file: how it ended, each model's engine, the fits."""
    file = write("audited.yaml", FILE)

    def go():
        ended = modelrun("run", file, "--to", file.parent / "out")
        assert ended.code == 0, ended.err
        fits = pq.read_table(file.parent / "out" / "fits.parquet").to_pandas()
        return ended, fits.groupby("model")["engine"].unique().str.join(" ").to_dict(), fits

    return go


def told(tmp_path):
    out = tmp_path / "out"
    page = (out / "report.html").read_text(encoding="utf-8")
    return json.loads((out / "run.json").read_text(encoding="utf-8")), page


def test_the_report_tells_of_a_clean_audit(run, tmp_path):
    _, engines, _ = run()
    document, page = told(tmp_path)
    assert engines == {"capm": "batched", "three-factor": "batched"}
    assert document["audit"]["violations"] == 0
    assert document["audit"]["sentence"] in page
    assert set(document["timings"]) >= {"fitting", "tables", "audit", "report"}


@pytest.mark.parametrize("wanted", ["starter", "fama-french-rolling", "randhie-poisson-bootstrap"])
def test_what_was_printed_before_the_audit_ended_keeps_its_place(
    modelrun, tmp_path, monkeypatch, wanted
):
    presses = []

    class Counted(press.Press):
        def __init__(self):
            presses.append(self)
            super().__init__()

    monkeypatch.setattr(press, "Press", Counted)
    monkeypatch.setattr(report, "Press", Counted)
    file = EXAMPLES / f"{wanted}.yaml"
    if wanted == "starter":
        file = tmp_path / "modelrun.yaml"
        modelrun("init", file)
    ended = modelrun("run", file, "--to", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert told(tmp_path)[0]["audit"]["fits"] == 300
    assert len(presses) == 1
    stages = [line.partition(":")[0] for line in ended.err.splitlines()]
    assert stages[-3:] == ["tables", "audit", "report"]


def test_a_model_with_a_violation_is_fitted_again_and_stays_distrusted(run, tmp_path, monkeypatch):
    stored = auditing._stored
    calls = []

    def bent(store, positions):
        frame = stored(store, positions)
        calls.append(positions)
        if len(calls) > 1:
            return frame
        at = frame.schema.get_field_index("r_squared")
        values = arrays.floats(frame.column(at)).copy()
        values[7] += 1e-8
        return frame.set_column(at, frame.schema.field(at), arrays.from_numpy(values))

    monkeypatch.setattr(auditing, "_stored", bent)
    ended, engines, _ = run()
    document, page = told(tmp_path)
    assert "They are fitted again." in ended.err + ended.out
    assert len(calls) == 2
    assert engines == {"capm": "statsmodels", "three-factor": "batched"}
    assert document["audit"]["models"] == ["capm"]
    assert document["fits"]["succeeded"] == 60
    assert document["audit"]["sentence"] in page

    _, engines, fits = run()
    assert engines == {"capm": "statsmodels", "three-factor": "batched"}
    assert fits["reused"].all()
