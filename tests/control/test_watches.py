"""What kopf is made to do and what it is kept from: its cost is paid for every event."""

from __future__ import annotations

import subprocess
import sys

import kopf
import pytest

from modelrun_operator.handlers.watches import kopf_settings


def test_clients_that_nobody_uses_are_not_imported():
    """Both are installed with dask-kubernetes, and kopf would import them."""
    asked = (
        "import sys, importlib.util as u, modelrun_operator.handlers.process\n"
        "for name in ('kubernetes_asyncio', 'pykube'):\n"
        "    print(name, u.find_spec(name) is not None, name in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    assert said == ["kubernetes_asyncio True False", "pykube True False"]


@pytest.mark.parametrize("annotations", [{}, {"modelrun.dev/last-handled-configuration": "{}"}])
def test_no_event_is_compared_with_what_was_before(annotations):
    body = kopf.Body({"metadata": {"annotations": annotations}, "spec": {"large": ["x"] * 100}})
    storage = kopf_settings().persistence.diffbase_storage
    assert storage.build(body=body, extra_fields=None) == {}
    assert storage.fetch(body=body) is None
