import importlib.metadata
import json
import platform

import numpy as np
import pytest

from modelrun.errors import ModelrunError, UserMistake
from modelrun.results.counts import Counts
from modelrun.results.run_json import bundle, read, write
from modelrun.store.place import Place

COUNTS = Counts(total=10, succeeded=6, not_converged=1, failed=2, skipped=1, reused=4)


def document(**more):
    given = {
        "study": "ff25", "spec": {}, "counts": COUNTS, "data": {}, "seconds": {"fitting": 2.0},
        "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:02Z",
        "formula_engine": "patsy", "backend": {"name": "serial"}, "environment": {},
    }  # fmt: skip
    return bundle(**{**given, **more})


def test_counts_have_the_published_names() -> None:
    assert document()["fits"] == {
        "total": 10, "succeeded": 6, "notConverged": 1, "failed": 2, "skipped": 1, "reused": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        Counts(total=10, succeeded=6, not_converged=1, failed=2, skipped=0, reused=4),
        Counts(total=8, succeeded=6, not_converged=1, failed=2, skipped=1, reused=4),
        Counts(total=10, succeeded=6, not_converged=1, failed=2, skipped=1, reused=11),
    ],
)
def test_counts_that_do_not_add_up_are_a_bug(wrong) -> None:
    COUNTS.check(complete=True)
    with pytest.raises(ModelrunError, match="do not add up"):
        wrong.check(complete=True)


def test_versions_of_every_package_are_there() -> None:
    said = document()
    assert said["versions"]["python"] == platform.python_version()
    for name in ("numpy", "scipy", "statsmodels", "pandas", "patsy"):
        assert said["versions"][name] == importlib.metadata.version(name)
    assert len(said["packages"]) > 30
    assert said["formula"] == {"engine": "patsy", "version": importlib.metadata.version("patsy")}


def test_libraries_threads_and_times_are_there() -> None:
    blas = [{"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 1,
             "filepath": "/home/ada/lib.so"}]  # fmt: skip
    said = document(blas=blas, environment={"OMP_NUM_THREADS": "1", "HOME": "/home/ada"})
    assert said["blas"] == [
        {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 1}
    ]
    assert said["threads"]["OMP_NUM_THREADS"] == "1"
    assert said["timings"] == {"total": 2.0, "fitting": 2.0}
    assert "/home/ada" not in json.dumps({k: v for k, v in said.items() if k != "packages"})


def test_secrets_are_in_no_part_of_it() -> None:
    said = document(
        spec={
            "data": {"uri": "s3://KEY:VALUE@bucket/x"},
            "models": [{"kwargs": {"dsn": "x=swordfish"}}],
        },
        environment={"DB_DSN": "swordfish", "AWS_SECRET_ACCESS_KEY": "wJalrXUtn"},
        secret_names=frozenset({"DB_DSN"}),
        data={"note": "read with wJalrXUtn"},
    )
    text = json.dumps(said)
    for secret in ("VALUE", "swordfish", "wJalrXUtn"):
        assert secret not in text
    assert said["versions"]["numpy"] == np.__version__


def test_it_is_written_as_a_whole_and_read_back(tmp_path) -> None:
    place = Place.at(tmp_path)
    assert read(place) is None
    said = document(data={"rows": np.int64(3), "share": float("inf"), "mean": np.float64(0.5)})
    write(place, said)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert read(place) == said
    assert said["data"] == {"rows": 3, "share": "inf", "mean": 0.5}


def test_a_broken_one_says_so(tmp_path) -> None:
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserMistake, match=r"run\.json"):
        read(Place.at(tmp_path))
