"""The ConfigMap with the run's document: what preflight and runner read instead of the API."""

from __future__ import annotations

import json

from modelrun_operator.manifests.metadata import Manifest, object_metadata
from modelrun_operator.run import Run

MOST_BYTES = 1_000_000
"""A ConfigMap holds one MiB; the document must leave room for its envelope."""


def document_text(run: Run) -> str:
    """Return the run's document; JSON is YAML, and needs no writer that knows YAML's traps."""
    return json.dumps(run.document(), indent=1, ensure_ascii=False) + "\n"


def run_document(run: Run) -> Manifest:
    """Return the immutable ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(run, run.names.run_document),
        "immutable": True,
        "data": {"modelrun.yaml": document_text(run)},
    }
