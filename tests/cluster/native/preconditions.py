"""What the native provider needs of a machine, checked before anything is started."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import sys
from pathlib import Path

from cluster.clock import step
from cluster.command import run
from cluster.errors import ClusterError
from cluster.native.addresses import HOST, Ports
from cluster.native.binaries import require_go

# Debian package: a file that shows that it (or the same thing from elsewhere) is installed.
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "etcd-server": "etcd",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "util-linux": "nsenter",
    "socat": "socat",
    "openssl": "openssl",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
}


IP_FREEBIND = 15  # Linux' number; the socket module does not name it


def require_root() -> None:
    """Raise a ClusterError unless this is root on Linux."""
    if sys.platform != "linux":
        raise ClusterError(
            "the native test cluster needs Linux; start a Docker daemon to use kind instead."
        )
    if os.geteuid() != 0:
        raise ClusterError(
            "the native test cluster needs root (namespaces, mounts, control groups); "
            "run the command with sudo, or start a Docker daemon to use kind instead."
        )


def require_tools() -> None:
    """Install the missing Debian packages, and make sure that there is a Go toolchain."""
    missing = [package for package, file in PACKAGES.items() if not _there(file)]
    if missing:
        if shutil.which("apt-get") is None:
            raise ClusterError(
                f"missing on this machine: {', '.join(missing)} (Debian package names); "
                "install them with the system's package manager."
            )
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        with step(f"Debian packages installed: {' '.join(missing)}"):
            run(["apt-get", "update", "-qq"], limit=300, env=quiet)
            run(
                ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing],
                limit=600,
                env=quiet,
            )
    require_go()


def require_ports(ports: Ports) -> None:
    """Raise a ClusterError that names the holder if a port of the control plane is taken."""
    for address, port, variable in (
        (HOST, ports.api, "MODELRUN_CLUSTER_API_PORT"),
        ("127.0.0.1", ports.etcd, "MODELRUN_CLUSTER_ETCD_PORT"),
        ("127.0.0.1", ports.etcd_peer, "MODELRUN_CLUSTER_ETCD_PEER_PORT"),
        (HOST, ports.registry, "MODELRUN_CLUSTER_REGISTRY_PORT"),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The bridge that will carry the address is not there yet.
            probe.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise ClusterError(
                    f"port {port} is in use by {_holder(port)}; end that program, or choose "
                    f"another port by the environment variable {variable}."
                ) from None


def _there(file: str) -> bool:
    if file.startswith("/"):
        return Path(file).exists()
    return shutil.which(file) is not None or Path("/usr/sbin", file).exists()


def _holder(port: int) -> str:
    """Name the process that listens on a port, as well as /proc tells."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        match = re.fullmatch(r"socket:\[(\d+)\]", target)
        if match and match[1] in inodes:
            pid = link.parts[2]
            return f"process {pid} ({Path('/proc', pid, 'comm').read_text().strip()})"
    return "another program"
