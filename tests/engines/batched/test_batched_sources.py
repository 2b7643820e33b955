"""The build knows every source, and the batched path stays light."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from modelrun.engines.batched import available
from support.imports import imported

ROOT = Path(__file__).resolve().parents[3]
CSRC = Path("app/src/modelrun/engines/batched/csrc")


def test_every_source_and_header_is_listed_for_the_build() -> None:
    extensions = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    (kernels,) = extensions["ext-modules"]
    for key, pattern in (("sources", "*.c"), ("depends", "*.h")):
        listed = {Path(name).name for name in kernels[key]}
        assert listed == {path.name for path in (ROOT / CSRC).glob(pattern)}


def test_the_kernels_load_without_the_statistics_stack() -> None:
    if not available():
        pytest.skip(available().reason)
    program = "from modelrun.engines.batched import bootstrap, discrete, ols, quantreg; ols.load()"
    assert imported(program, "scipy", "pandas", "statsmodels", "patsy") == set()


def test_missing_kernels_are_a_sentence_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modelrun.engines.batched._kernels", None)
    missing = available()
    assert not missing
    assert "statsmodels does all fits" in missing.reason
