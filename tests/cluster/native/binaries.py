"""Kubernetes, CoreDNS, helm, kwok and pause, built from the Go modules pinned in ``go/``.

A build is named by the content of its module (go.mod, go.sum, sources) and its flags, and made
once per machine. Nothing prebuilt is ever fetched.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import step
from cluster.command import run, run_logged
from cluster.errors import ClusterError
from cluster.home import SOURCE, Home, content_hash

KUBERNETES = "v1.34.4"
HELM = "v4.3.1"
GO_AT_LEAST = (1, 26)

# Without these the API server calls itself v0.0.0, which clients and helm take at its word.
_KUBERNETES_VERSION = " ".join(
    f"-X {package}.{field}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for field, value in (
        ("gitVersion", KUBERNETES),
        ("gitMajor", KUBERNETES[1:].split(".", maxsplit=1)[0]),
        ("gitMinor", KUBERNETES.split(".")[1]),
    )
)


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module under ``go/`` and the commands built from it."""

    name: str
    packages: tuple[str, ...]
    link_flags: str = ""


MODULES = {
    module.name: module
    for module in (
        Module(
            "kubernetes",
            tuple(
                f"k8s.io/kubernetes/cmd/{command}"
                for command in (
                    "kube-apiserver",
                    "kube-controller-manager",
                    "kube-scheduler",
                    "kubelet",
                    "kube-proxy",
                    "kubectl",
                )
            ),
            _KUBERNETES_VERSION,
        ),
        Module("coredns", (".",)),
        Module("pause", (".",)),
        Module(
            "helm",
            ("helm.sh/helm/v4/cmd/helm",),
            f"-X helm.sh/helm/v4/internal/version.version={HELM}",
        ),
        Module("kwok", ("sigs.k8s.io/kwok/cmd/kwok",)),
    )
}


def require_go() -> None:
    """Raise a ClusterError unless a Go toolchain of a sufficient version is on the path."""
    wanted = ".".join(map(str, GO_AT_LEAST))
    if shutil.which("go") is None:
        raise ClusterError(
            f"Go is not installed; install Go {wanted} or later (https://go.dev/dl), or start a "
            "Docker daemon to use kind instead."
        )
    said = run(["go", "env", "GOVERSION"]).stdout.strip()
    version = re.match(r"go(\d+)\.(\d+)", said)
    if version and (int(version[1]), int(version[2])) < GO_AT_LEAST:
        raise ClusterError(f"{said} is too old; install Go {wanted} or later.")


def built(home: Home, name: str) -> Path:
    """Return the folder with the binaries of the module `name`, built if need be.

    Raises:
        ClusterError: Go is missing, or the build failed; the message has the end of its log.
    """
    module = MODULES[name]
    source = SOURCE / "go" / name
    folder = home.cache / "binaries" / f"{name}-{content_hash([source], module.link_flags)}"
    if folder.exists():
        return folder
    with home.locked(f"build-{name}"):
        if folder.exists():
            return folder
        require_go()
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with step(f"{name} built from its Go modules"):
            run_logged(
                [
                    "nice",
                    "-n",
                    "5",
                    "go",
                    "build",
                    "-trimpath",
                    "-buildvcs=false",
                    "-mod=readonly",
                    "-ldflags",
                    f"-s -w {module.link_flags}".strip(),
                    "-o",
                    f"{unfinished}/",
                    *module.packages,
                ],
                home.root / "logs" / f"build-{name}.log",
                limit=2400,
                env={"CGO_ENABLED": "0"},
                folder=source,
            )
        for older in folder.parent.glob(f"{name}-*"):
            if older != unfinished and not older.name.endswith(".unfinished"):
                shutil.rmtree(older, ignore_errors=True)
        os.replace(unfinished, folder)
    return folder
