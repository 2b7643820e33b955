"""A joblib program, unchanged, finds a cluster behind `joblib.parallel_config("dask")`."""

from __future__ import annotations

import json
import textwrap

import pytest

from modelrun import program
from modelrun.errors import UserMistake

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "beside.py").write_text("def cube(x):\n    return x**3\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "deep.py").write_text("def square(x):\n    return x**2\n")
    return tmp_path


def script(folder, text):
    (folder / "train.py").write_text(textwrap.dedent(text))
    return ["python", "train.py"]


def test_a_program_uses_the_workers_its_own_modules_and_hears_of_every_failure(folder):
    command = script(
        folder,
        """
        import json, os, sys, threading
        import joblib
        from beside import cube
        from package.deep import square

        def where(x):
            return os.getpid()

        def fails(x):
            if x == 3:
                raise ValueError("three")
            return x

        def lock(x):
            return threading.Lock()

        def dies(x):
            if x == 3:
                os.abort()
            return x

        def outcome(function, n=5):
            try:
                return joblib.Parallel()(joblib.delayed(function)(x) for x in range(n))
            except Exception as error:
                return f"{type(error).__name__}: {error}"[:60]

        if __name__ == "__main__":
            with joblib.parallel_config("dask"):
                found = {
                    "cubes": outcome(cube),
                    "squares": outcome(square),
                    "here": os.getpid() in outcome(where, 20),
                    "fails": outcome(fails),
                    "lock": outcome(lock),
                    "dies": outcome(dies),
                    "arguments": sys.argv[1:],
                }
            json.dump(found, open("found.json", "w"))
            sys.exit(7)
        """,
    )
    assert program.run([*command, "--fast"], workers=1, cwd=folder, tls=True) == 7
    found = json.loads((folder / "found.json").read_text())
    assert found["cubes"] == [0, 1, 8, 27, 64]
    assert found["squares"] == [0, 1, 4, 9, 16]
    assert found["here"] is False
    assert found["fails"] == "ValueError: three"
    assert found["lock"].startswith("TypeError: a result of this joblib call cannot be sent")
    assert found["dies"].startswith("KilledWorker")
    assert found["arguments"] == ["--fast"]


def test_a_program_that_cannot_be_started_is_the_users_mistake(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    with pytest.raises(UserMistake, match="'no-such-program' cannot be started"):
        program.run(["no-such-program"], cwd=tmp_path)


def test_a_signal_that_ends_a_program_shows_in_its_code(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    assert program.run(["sh", "-c", "kill -9 $$"], cwd=tmp_path) == 137
