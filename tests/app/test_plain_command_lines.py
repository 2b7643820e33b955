"""What is read without typer means what typer says it means; everything else is left to typer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from modelrun.cli import plain
from modelrun.cli.app import app

PLAIN = [
    ["run", "a.yaml"],
    ["run", "a.yaml", "--quiet"],
    ["run", "-q", "a.yaml", "--no-report", "--to", "out"],
    ["run", "--backend", "threads", "--workers", "3", "folder/a.yaml"],
    ["run", "a.yaml", "-w", "2", "--tls", "--dashboard", "--backend", "dask"],
    ["run", "a.yaml", "--sample", "100", "--profile", "where", "--to", "s3://bucket/a"],
]
LEFT = [
    [],
    ["--help"],
    ["run"],
    ["run", "--help"],
    ["run", "a.yaml", "-h"],
    ["run", "a.yaml", "b.yaml"],
    ["run", "a.yaml", "--worker", "2"],
    ["run", "a.yaml", "--workers"],
    ["run", "a.yaml", "--workers", "0"],
    ["run", "a.yaml", "--workers", "two"],
    ["run", "a.yaml", "--backend", "thread"],
    ["run", "a.yaml", "--to", "--quiet"],
    ["run", "a.yaml", "--to=out"],
    ["run", "a.yaml", "--only", "g=1"],
    ["run", "a.yaml", "--retry-failed", "all"],
    ["run", "a.yaml", "--output", "json"],
    ["run", "a.yaml", "--debug"],
    ["plan", "a.yaml"],
]


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_a_plain_command_line_says_what_typer_reads(words: list[str]) -> None:
    found = plain.read(words)
    assert found is not None
    command = typer.main.get_command(app).commands["run"]
    said = command.make_context("run", words[1:]).params
    assert found.file == said["file"]
    assert found.show == ("quiet" if said["quiet"] else "auto")
    options = found.options
    backend = said["backend"]
    assert options.backend == (None if backend is None else backend.value)
    assert options.report is not said["no_report"]
    for name in ("to", "workers", "sample", "tls", "dashboard", "profile", "serve_progress"):
        assert getattr(options, name) == said[name], name
    assert options.only == tuple(said["only"] or ())
    assert options.retry_failed == tuple(said["retry_failed"] or ())


@pytest.mark.parametrize("words", LEFT, ids=" ".join)
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert plain.read(words) is None


def test_a_plain_run_imports_only_what_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "apiVersion: modelrun.dev/v1alpha1\n"
        "kind: ModelRun\n"
        "metadata: {name: lean}\n"
        "spec:\n"
        "  data: {dataset: french}\n"
        "  models: [{name: m, estimator: OLS, formula: excess ~ mkt}]\n"
        "  slices: {by: [portfolio]}\n"
        "  execution: {audit: 0%}\n"
    )
    program = (
        "import atexit, sys\n"
        "unwanted = {'typer', 'rich', 'pandas', 'statsmodels', 'scipy', 'patsy', 'matplotlib',\n"
        "            'joblib', 'dask', 'asyncio', 'psutil', 'fsspec', 'pyarrow.compute'}\n"
        "atexit.register(lambda: print(sorted(unwanted & set(sys.modules))))\n"
        f"sys.argv = ['modelrun', 'run', {str(file)!r}, '--to', {str(tmp_path / 'out')!r},\n"
        "            '--quiet', '--no-report', '--backend', 'threads']\n"
        "from modelrun.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
