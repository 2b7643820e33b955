"""Workers that are begun before the file is validated: where they help, and gone where not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest

from modelrun.backends import begun, local_cluster, machine
from modelrun.backends.cluster_process import Order
from modelrun.backends.dask import DaskBackend
from modelrun.backends.recorder import SCRATCH_VARIABLE
from modelrun.engines import preloads
from modelrun.engines.estimators import ESTIMATORS, WITH_KERNELS
from modelrun.engines.preflight import FAST
from modelrun.foresight import begin_cluster
from modelrun.options import RunOptions
from modelrun.plan.task import Task
from support.imports import imported

pytestmark = pytest.mark.timeout(120)
MIXED = {"name": "m", "estimator": "MixedLM", "formula": "y ~ x", "init": {"groups": {}}}
OLS = {"name": "o", "estimator": "OLS", "formula": "y ~ x"}


def document(*models: dict, **spec: object) -> dict:
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "foreseen"},
        "spec": {"data": {"uri": "d.csv"}, "models": list(models), **spec},
    }


def processes(folder: Path) -> list[psutil.Process]:
    """Return the processes whose scratch files are below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(SCRATCH_VARIABLE, "").startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary folders lie in one of this test alone, which is empty afterwards."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(tmp_path)
    yield folder
    begun.drop()
    assert psutil.wait_procs(processes(folder), timeout=20)[1] == []
    assert list(folder.glob("*modelrun-cluster-*")) == []
    assert list(folder.glob("pymp-*")) == []


def begin(what: dict, options: RunOptions = RunOptions(workers=1), **environment: str) -> bool:
    """Tell whether a cluster is begun for a document; it ends again."""
    with ExitStack() as stack:
        begin_cluster(what, options, base=Path(), environment=environment, stack=stack)
        return begun.take(Order(workers=1)) is not None if begun._begun else False


@pytest.mark.parametrize(
    "what",
    [
        document(OLS),
        document(),
        document("MixedLM"),
        document({"name": "m", "estimator": "MixedML"}, MIXED),
        document(MIXED) | {"spec": {"models": [MIXED]}},
        document(MIXED, results={"to": {"uri": "s3://bucket/there"}}),
        document(MIXED, results={"to": {"uri": "stored"}}),
        {"spec": {"program": {"command": ["python"]}}},
        {},
    ],
)
def test_no_worker_is_begun_where_none_may_be_needed(what: dict, tmp_path: Path) -> None:
    (tmp_path / "stored" / "parts").mkdir(parents=True)
    assert not begin(what)


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(backend="threads"),
        RunOptions(tls=True),
        RunOptions(dashboard=True),
        RunOptions(to="stored"),
        RunOptions(to="gs://bucket/there"),
    ],
)
def test_no_worker_is_begun_against_the_command_line(options: RunOptions, tmp_path: Path) -> None:
    (tmp_path / "stored" / "parts").mkdir(parents=True)
    assert not begin(document(MIXED), options)
    assert not begin(document(MIXED), **{machine.ADDRESS: "tcp://elsewhere:8786"})


@pytest.mark.parametrize(
    ("what", "options"),
    [
        (document(MIXED, OLS), RunOptions()),
        (document({"name": "c", "callable": "mine:fit"}), RunOptions()),
        (document(OLS, execution={"engine": "statsmodels"}), RunOptions()),
        (document(OLS), RunOptions(backend="dask")),
    ],
)
def test_what_was_begun_and_not_taken_ends(what: dict, options: RunOptions) -> None:
    with ExitStack() as stack:
        begin_cluster(what, options, base=Path(), environment={}, stack=stack)
        ((_, cluster),) = begun._begun
        assert psutil.pid_exists(cluster.pid)
    assert begun._begun == []
    assert not psutil.pid_exists(cluster.pid)


def test_the_backend_takes_what_was_begun_for_it() -> None:
    begun.begin(Order(workers=2, preload=("json",)))
    ((_, cluster),) = begun._begun
    with DaskBackend(workers=2) as backend:
        assert backend._cluster is cluster
        (outcome,) = backend.map(_nothing, iter([Task(0, 0, np.arange(1))]))
        assert outcome.payload == b"done"
    assert not psutil.pid_exists(cluster.pid)


def test_the_time_to_start_counts_from_when_a_cluster_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as reading:  # took longer than a cluster may
        reading.setattr(local_cluster, "START_SECONDS", -1.0)
        begun.begin(Order(workers=1))
    with DaskBackend(workers=1) as backend:
        assert backend.workers() == 1


def test_the_backend_leaves_a_cluster_that_is_not_what_it_wants() -> None:
    begun.begin(Order(workers=1))
    ((_, cluster),) = begun._begun
    with DaskBackend(workers=2) as backend:
        assert backend._cluster is not cluster
        assert backend.workers() == 2
    begun.drop()
    assert not psutil.pid_exists(cluster.pid)


def _nothing(task: Task) -> bytes:
    del task
    return b"done"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metadata": {}}, 2),  # found by validation
        ({}, 2),  # found later: there are no data
    ],
)
def test_a_file_with_mistakes_leaves_no_process(change: dict, code: int, temporary: Path) -> None:
    Path("wrong.yaml").write_text(json.dumps(document(MIXED) | change))
    done = subprocess.run(
        [sys.executable, "-m", "modelrun", "run", "wrong.yaml", "--to", "out"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"TMPDIR": str(temporary)},
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "wrong.yaml" in done.stderr
    assert psutil.wait_procs(processes(temporary), timeout=20)[1] == []


def test_kernels_are_foreseen_for_the_estimators_that_have_them() -> None:
    assert set(FAST) == WITH_KERNELS


def importing(names: Iterable[str]) -> str:
    return f"import importlib\nfor name in {sorted(names)!r}: importlib.import_module(name)"


def test_what_workers_load_exists_and_is_not_all_of_statsmodels() -> None:
    names = {
        module
        for entry in ESTIMATORS
        for engine in ("batched", "statsmodels")
        for module in preloads.modules(engine, entry)
    }
    assert imported(importing(names), *names) == names
    mixed = preloads.modules("statsmodels", "MixedLM")
    assert imported(importing(mixed), "statsmodels.api", "statsmodels.tsa.arima.model") == set()


def test_workers_and_the_audit_do_without_what_validates_files() -> None:
    names = {*preloads.modules("statsmodels", "OLS"), *preloads.modules("batched", "OLS")}
    names |= {
        "modelrun.engines.callable_engine",
        "modelrun.engines.audit",
        "modelrun.backends.dask",
    }
    assert imported(importing(names), "pydantic", "modelrun_api.spec") == set()


def test_a_look_at_a_file_loads_no_large_library() -> None:
    program = "import modelrun.cli.fitting"
    assert imported(program, "numpy", "pyarrow", "pydantic", "subprocess", "distributed") == set()


def test_nothing_large_is_loaded_before_the_fork_server_is_there() -> None:
    program = (
        "import modelrun.foresight, modelrun.backends.begun, modelrun.backends.cluster_process"
    )
    assert imported(program, "numpy", "pydantic", "tornado", "ssl", "asyncio", "dask") == set()


def test_a_module_that_was_put_off_is_loaded_when_it_is_used() -> None:
    begin = "from modelrun.backends.loading import put_off; put_off('numpy.f2py')\n"
    body = "numpy.f2py.crackfortran"
    assert imported(f"{begin}import scipy.linalg", body, "scipy.linalg") == {"scipy.linalg"}
    assert imported(f"{begin}import numpy\nassert numpy.f2py.run_main", body) == {body}


def test_one_that_is_loaded_already_stays() -> None:
    program = "import numpy.f2py as f\nfrom modelrun.backends.loading import put_off\n"
    assert (
        imported(f"{program}put_off('numpy.f2py')\nimport numpy\nassert numpy.f2py is f") == set()
    )


def test_scipy_is_loaded_without_notes_in_its_documentation() -> None:
    noted = "from scipy.signal import lfilter\nassert ('Array API' in lfilter.__doc__) == {}\n"
    load = "from modelrun.backends.loading import load_for_good\n"
    load += "load_for_good(['statsmodels.tsa.arima.model'])\n"
    parsed = "from scipy._lib._docscrape import FunctionDoc\n"
    parsed += "assert [p.name for p in FunctionDoc(lfilter)['Parameters']][:2] == ['b', 'a']"
    arima = "statsmodels.tsa.arima.model"
    assert imported(noted.format(True), arima) == set()
    assert imported(load + noted.format(False) + parsed, arima) == {arima}


def test_a_scipy_that_cannot_be_loaded_ends_no_server() -> None:
    broken = """
import sys
class Broken:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "scipy":
            raise RuntimeError(name)
sys.meta_path.insert(0, Broken())
from modelrun.backends.loading import load_for_good
load_for_good(["statsmodels.tsa.arima.model", "modelrun.work"])
"""
    assert imported(broken, "scipy", "modelrun.work") == {"modelrun.work"}
