"""The control groups that hold the pods of the nodes, in version 1, version 2 and mixtures."""

from __future__ import annotations

import os
from pathlib import Path

from cluster.clock import wait_until
from cluster.native.addresses import CGROUP, NodeAddress

V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")


def hierarchies() -> list[tuple[Path, bool]]:
    """Return the mounted hierarchies, each with whether it is of version 2."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind = after.split()[0]
        if kind in ("cgroup", "cgroup2"):
            found.append((Path(before.split()[4]), kind == "cgroup2"))
    return found


def create(node: NodeAddress) -> None:
    """Make the node's group everywhere; a kubelet does not start without it."""
    mixed = len(hierarchies()) > 1
    for root, second in hierarchies():
        if second and mixed:
            continue
        folder = root
        for part in Path(node.cgroup).relative_to("/").parts:
            if second:
                _delegate(folder)
            child = folder / part
            child.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                # A version 1 cpuset starts empty and takes no process until it is filled.
                if not second and (folder / name).exists():
                    (child / name).write_text((folder / name).read_text())
            folder = child
        if second:
            _delegate(folder)


def _delegate(folder: Path) -> None:
    available = (folder / "cgroup.controllers").read_text().split()
    wanted = [f"+{c}" for c in V2_CONTROLLERS if c in available]
    (folder / "cgroup.subtree_control").write_text(" ".join(wanted))


def groups() -> list[Path]:
    """Return the cluster's groups that exist on this machine."""
    return [root / CGROUP for root, _ in hierarchies() if (root / CGROUP).exists()]


def members(group: Path) -> list[int]:
    """Return the ids of all processes in a group and the groups below it."""
    found: list[int] = []
    for folder, _, files in os.walk(group):
        if "cgroup.procs" in files:
            try:
                found += map(int, (Path(folder) / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return found


def remove(group: Path, limit: float = 20) -> None:
    """Remove a group and all below it; the kernel lets go of dead processes a little later."""

    def gone() -> bool:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return not group.exists()

    wait_until(f"removal of the control group {group}", gone, limit=limit, every=0.1)
