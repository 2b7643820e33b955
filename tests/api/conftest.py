"""Documents for the tests of the contract."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# Machines of CI are slow at times; what is tested has no deadline.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

ROOT = Path(__file__).parents[2]

RUN = """\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata:
  name: a-run
spec:
  data:
    dataset: french
  models:
  - name: first
    estimator: OLS
    formula: "excess ~ mkt"
"""


@pytest.fixture
def run_text():
    """A small valid ModelRun file."""
    return RUN


@pytest.fixture(scope="session")
def kubectl() -> list[str]:
    """The command of kubectl, without any cluster."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("no kubectl here: the stored expectations were checked where there is one")
    return [found, "--kubeconfig", os.devnull]


@pytest.fixture
def read_by_kubectl(kubectl, tmp_path):
    """What kubectl would send for a YAML text, or None where it refuses it."""

    def read(text: str):
        file = tmp_path / "document.yaml"
        file.write_text(text)
        # An empty patch applied to the file alone: kubectl's reader, and no server.
        done = subprocess.run(
            [*kubectl, "patch", "--local", "-f", file, "-p", "{}", "--type=merge", "-o", "json"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    return read
