"""The same bits from the widest registers of this processor and from the narrowest there are."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from modelrun.engines import batched
from modelrun.engines.batched import available, bootstrap, discrete, glm, ols, quantreg
from modelrun.engines.batched.bootstrap import Draws
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import HAC, HC, Cluster
from modelrun.engines.batched.distinct import distinct

NAME = "modelrun.engines.batched._kernels"
ROOT = Path(__file__).resolve().parents[3]
CSRC = Path(batched.__file__).with_name("csrc")

pytestmark = pytest.mark.skipif(not available(), reason=available().reason)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The kernels built without any instruction that is not in every processor."""
    library = tmp_path_factory.mktemp("narrow") / "_kernels.abi3.so"
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    extensions = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    (kernels,) = extensions["ext-modules"]
    own = ["-O1", "-DMODELRUN_BASELINE"]  # the last -O counts
    flags = ["-shared", "-fPIC", *kernels["extra-compile-args"], *own]
    includes = [f"-I{CSRC}", f"-I{sysconfig.get_path('include')}", "-DPy_LIMITED_API=0x030B0000"]
    sources = sorted(map(str, CSRC.glob("*.c")))
    subprocess.run(
        [*compiler, *flags, *includes, *sources, "-o", str(library), "-lm"], check=True, timeout=120
    )
    spec = importlib.util.spec_from_file_location(NAME, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bits() -> Iterator[bytes]:
    """Yield the results of every kernel that sums, for slices of one to a thousand rows."""
    random = np.random.default_rng(31)
    starts = np.arange(0, 9_000, 500)
    stops = starts + np.resize([33, 60, 7, 250, 257, 499, 1000, 512, 9], len(starts))
    columns = [random.normal(size=10_000) for _ in range(6)]
    design = Columns.of([None, *columns])
    y = 1 + sum(columns) + random.standard_t(4, size=10_000)
    counts = random.poisson(np.exp(columns[0] / 2)).astype(float)
    rows = distinct(Columns.of([None, np.round(columns[0]), np.round(columns[1])]), counts, 0, 900)
    clusters = Cluster.coded(random.integers(0, 20, 10_000))
    weighted = distinct(design, y, 0, 900, weights=np.exp(columns[0]), groups=clusters.groups)
    draws = Draws(seed=5, replicates=np.arange(9))
    poisson = glm.Family("Poisson", "Log")
    for fits in (
        ols.fit(design, y, starts, stops),
        ols.fit(design, y, starts, stops, covariance=HAC(6)),
        ols.fit(design, y, starts, stops, covariance=HC("HC3")),
        quantreg.fit(design, y, starts, stops, q=0.3),
        quantreg.fit(design, y, starts, stops, q=0.3, exact=True),
        discrete.fit(design, (y > 0).astype(float), starts, stops, model="Logit"),
        glm.fit(design, counts, starts, stops, family=poisson),
        bootstrap.ols(rows, draws),
        bootstrap.ols(weighted, draws, covariance=HC("HC3")),
        bootstrap.ols(weighted, draws, covariance=clusters),
        bootstrap.likelihood(rows, draws, model="Poisson"),
        bootstrap.quantile(distinct(design, y, 0, 900), draws, q=0.3),
        bootstrap.quantile(rows, draws, q=0.6, check=False),
        bootstrap.quantile(distinct(design, y, 0, 900), draws, q=0.3, exact=True),
    ):
        yield b"".join(array.tobytes() for array in fits.coefficients.arrays())
        yield fits.statistics.tobytes()


def test_wide_and_narrow_registers_give_the_same_bits(
    narrow: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = list(_bits())
    monkeypatch.setitem(sys.modules, NAME, narrow)
    assert batched.load() is narrow
    assert list(_bits()) == wide
