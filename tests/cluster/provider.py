"""What a test may ask of a cluster, whoever provides it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cluster.command import run
from cluster.home import Home


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of a cluster on this machine.

    Attributes:
        provider: ``kind`` or ``native``.
        healthy: All parts run and the API server is ready.
        found: What exists, one line each: processes, mounts, links, groups, containers.
        problems: Why it is not healthy, one line each.
        stale: It was raised from other sources than this checkout's, and `up` would replace it.
    """

    provider: str
    healthy: bool
    found: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    stale: bool = False

    @property
    def empty(self) -> bool:
        return not self.found


@dataclass(frozen=True, slots=True)
class Tools:
    """The command line clients of a cluster."""

    kubectl: Path
    helm: Path


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image of this checkout.

    Attributes:
        reference: ``NAME:TAG`` with a tag taken from its content, as pods are to name it.
        builder: The program that has it: docker, podman or buildah.
        size: Bytes, unpacked.
        layers: Size in bytes of each layer above the base, from the bottom, and what made it.
    """

    reference: str
    builder: str
    size: int = 0
    layers: tuple[tuple[int, str], ...] = field(default=())


class Provider(Protocol):
    """Makes, removes and damages a cluster of two nodes labelled as c5.24xlarge."""

    name: str
    home: Home
    nodes: tuple[str, ...]
    storage_class: str

    def prepare(self) -> None:
        """Check what the machine must have, and install what can be installed."""

    def up(self) -> None:
        """Raise the cluster; take over a healthy one, replace any other."""

    def down(self) -> None:
        """Remove the cluster and all it left on the machine; fine when there is none."""

    def status(self) -> Status:
        """Look at the machine, not at notes."""

    def tools(self) -> Tools:
        """Return kubectl and helm, built or found."""

    def kwok(self) -> Path:
        """Return the kwok controller."""

    def load(self, image: BuiltImage) -> None:
        """Make an image available to all nodes; quick when they have it."""

    def lose_node(self, name: str) -> None:
        """End a node without warning, with all its pods."""

    def restore_node(self, name: str) -> None:
        """Start a lost node again; it joins by itself."""

    def press_memory(self, name: str) -> None:
        """Make the kubelet of a node find too little memory, so that it evicts pods."""

    def relieve_memory(self, name: str) -> None:
        """Undo `press_memory`."""

    def freeze_api_server(self) -> None:
        """Stop the API server where it stands: it takes connections and answers nothing."""

    def thaw_api_server(self) -> None:
        """Let the API server go on; it is ready when this returns."""


def docker_answers() -> bool:
    """Tell whether a Docker daemon can be used."""
    if shutil.which("docker") is None:
        return False
    return run(["docker", "info"], limit=30, check=False).returncode == 0


def choose_provider(home: Home | None = None, named: str | None = None) -> Provider:
    """Return the provider called `named`, or kind where Docker answers and native elsewhere."""
    from cluster.kind.provider import KindProvider
    from cluster.native.provider import NativeProvider

    place = home or Home.find()
    if named is None:
        named = "kind" if docker_answers() else "native"
    return KindProvider(place) if named == "kind" else NativeProvider(place)
