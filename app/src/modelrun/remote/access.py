"""Which cluster, as whom, and in which namespace: what a kubeconfig says, and what flags change.

The rules are those of kubectl: --kubeconfig, then $KUBECONFIG, then ~/.kube/config; inside a pod
its service account. This module opens the way and sends nothing.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion

OWN_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
NOT_INSTALLED: Final = (
    "talking to a cluster needs the package kubernetes, which is not installed: "
    "pip install 'modelrun[cluster]'"
)


@dataclass(frozen=True, slots=True)
class Access:
    """What flags say; None takes what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """The way to one API server."""

    client: Any
    """The `kubernetes.dynamic.DynamicClient`, without discovery."""

    server: str
    """The address, for messages."""

    namespace: str
    """The namespace of all that follows."""


def way_to(access: Access) -> Way:
    """Read the kubeconfig and return the way to its API server.

    Raises:
        UserMistake: The package is not installed, there is no kubeconfig, or it has no such
            context.
    """
    try:
        import urllib3
        from kubernetes import client, config, dynamic
    except ImportError as error:
        raise UserMistake(NOT_INSTALLED) from error
    # Retries of a connection are told by our own message, once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    settings = client.Configuration()
    try:
        namespace = _load(access, config, settings)
    except config.ConfigException as error:
        raise UserMistake(_said(access, str(error))) from error
    except OSError as error:
        raise UserMistake(_said(access, error.strerror or str(error))) from error
    settings.retries = 1
    if not settings.verify_ssl:
        # The kubeconfig says so in words; kubectl repeats it no more than we do.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    dynamic_client: Any = dynamic.DynamicClient
    return Way(
        # Paths are known, so nothing is discovered: that would be several requests more.
        client=dynamic_client(client.ApiClient(settings), discoverer=lambda *_: None),
        server=settings.host,
        namespace=access.namespace or namespace or "default",
    )


def _load(access: Access, config: Any, settings: Any) -> str | None:
    """Fill the settings; return the namespace that the kubeconfig or the pod names."""
    if access.kubeconfig is not None and not Path(access.kubeconfig).is_file():
        raise UserMistake(f"there is no kubeconfig {access.kubeconfig}")
    named = access.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    there = any(file.is_file() for file in files)
    inside = "KUBERNETES_SERVICE_HOST" in os.environ and access.context is None
    if not there and inside:
        config.load_incluster_config(client_configuration=settings)
        return OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    if not there:
        raise UserMistake(
            f"there is no kubeconfig ({named}), so it is not known which cluster is meant; "
            "name one with --kubeconfig or KUBECONFIG, as for kubectl"
        )
    joined = os.pathsep.join(str(file) for file in files)
    contexts, active = config.list_kube_config_contexts(config_file=joined)
    if access.context is not None:
        names = [str(one["name"]) for one in contexts]
        if access.context not in names:
            raise UserMistake(
                f"the kubeconfig {named} has no context {access.context!r}; "
                f"{suggestion(access.context, names)}"
            )
        active = next(one for one in contexts if one["name"] == access.context)
    config.load_kube_config(
        config_file=joined, context=access.context, client_configuration=settings
    )
    namespace = (active or {}).get("context", {}).get("namespace")
    return str(namespace) if namespace else None


def _said(access: Access, why: str) -> str:
    named = access.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    return f"the kubeconfig {named} cannot be used: {why}. `kubectl cluster-info` reads the same"
