"""What the cluster leaves on a machine: finding all of it, and removing what processes left."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import run
from cluster.home import Home
from cluster.native import cgroups, network
from cluster.native.processes import Processes

CHAINS = ("KUBE-", "CNI-")


def find(processes: Processes, home: Home) -> tuple[str, ...]:
    """Return one line for each process, mount, link, packet filter chain and control group."""
    found = [f"process {p.pid} {p.command} ({p.role})" for p in processes.all()]
    groups = cgroups.groups()
    inside = {pid for group in groups for pid in cgroups.members(group)}
    found += [f"process {pid} of a pod" for pid in sorted(inside)]
    found += [f"control group {group}" for group in groups]
    found += [f"mount {mount}" for mount in mounts(home.run)]
    found += [f"link {link}" for link in network.links()]
    found += [f"packet filter chain {chain}" for chain in chains()]
    return tuple(found)


def remove(home: Home) -> None:
    """Remove groups, mounts and files of a cluster whose processes have been ended."""
    for group in cgroups.groups():
        for pid in cgroups.members(group):
            _kill(pid)
        cgroups.remove(group)
    for mount in mounts(home.run):
        run(["umount", "--lazy", mount], check=False)
    if home.run.exists():
        wait_until(f"removal of {home.run}", lambda: _deleted(home.run), limit=30)
    home.kubeconfig.unlink(missing_ok=True)
    # Made as an anchor for a mount; goes unless somebody else put something there.
    with contextlib.suppress(OSError):
        Path("/var/lib/kubelet").rmdir()


def mounts(folder: Path) -> list[str]:
    """Return what is mounted below a folder in this namespace, innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), reverse=True)


def chains() -> list[str]:
    """Return the chains of Kubernetes and its network plugins in the machine's own tables."""
    found = []
    for table in ("nat", "filter", "mangle"):
        if shutil.which("iptables") is None:
            return []
        listed = run(["iptables", "-w", "5", "-t", table, "-S"], check=False).stdout
        for line in listed.splitlines():
            words = line.split()
            if words[0] == "-N" and words[1].startswith(CHAINS):
                found.append(f"{words[1]} in {table}")
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)


def _deleted(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
