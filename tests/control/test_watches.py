"""What kopf is made to do and what it is kept from: its cost is paid for every event."""

from __future__ import annotations

import kopf
import pytest

from modelrun_operator.handlers.watches import kopf_settings
from support.imports import imported


def test_clients_that_nobody_uses_are_not_imported():
    """Both are installed with dask-kubernetes, and kopf would import them."""
    program = (
        "import modelrun_operator.handlers.process\n"
        "from importlib.util import find_spec\n"
        "assert all(map(find_spec, ('kubernetes_asyncio', 'pykube'))), 'whoever asks may have them'"
    )
    assert imported(program, "kubernetes_asyncio", "pykube") == set()


@pytest.mark.parametrize(
    "annotations", [{}, {"operator.modelrun.dev/last-handled-configuration": "{}"}]
)
def test_no_event_is_compared_with_what_was_before(annotations):
    body = kopf.Body({"metadata": {"annotations": annotations}, "spec": {"large": ["x"] * 100}})
    storage = kopf_settings().persistence.diffbase_storage
    assert storage.build(body=body, extra_fields=None) == {}
    assert storage.fetch(body=body) is None
