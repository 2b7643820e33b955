"""The Secret with the certificates of one incarnation: one object, so that all come from one CA."""

from __future__ import annotations

from collections.abc import Mapping

from modelrun_operator.manifests.metadata import Manifest, object_metadata
from modelrun_operator.run import Run


def tls_secret(run: Run, *, incarnation: int, files: Mapping[str, str]) -> Manifest:
    """Return the immutable Secret.

    Args:
        run: whose Secret it is.
        incarnation: the incarnation of the cluster.
        files: PEM texts: ca.crt, and crt and key of scheduler, worker and client.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": object_metadata(run, run.names.tls(incarnation), incarnation=incarnation),
        "type": "Opaque",
        "immutable": True,
        "stringData": dict(files),
    }
