"""The bridge that joins the machine and its nodes, and the cable to each node.

Nothing is written to the machine's own packet filter: rules live in the nodes' namespaces and
vanish with them. On the machine itself there are a bridge, two links and routes over them.
"""

from __future__ import annotations

from cluster.command import run
from cluster.errors import ClusterError
from cluster.native.addresses import BRIDGE, HOST, NODES, PREFIX, SERVICE_RANGE, NodeAddress


def lay_bridge() -> None:
    """Make the bridge with the machine's address; fine when it is there."""
    if not _exists(BRIDGE):
        taken = run(["ip", "-o", "-4", "route", "show", "match", HOST]).stdout
        foreign = [line for line in taken.splitlines() if not line.startswith("default")]
        if foreign:
            raise ClusterError(
                f"the address {HOST} is already routed ({foreign[0].strip()}); "
                "the test cluster needs 198.18.64.0/18 and 198.18.128.0/17 to itself."
            )
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "address", "replace", f"{HOST}/{PREFIX}", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])


def connect(node: NodeAddress, first_process: int) -> None:
    """Lay the cable between the bridge and the network namespace of `first_process`."""
    inside = ["nsenter", "--target", str(first_process), "--net"]
    if _exists(node.link):
        run(["ip", "link", "delete", node.link])
    run(
        [
            "ip",
            "link",
            "add",
            node.link,
            "type",
            "veth",
            "peer",
            "name",
            "uplink",
            "netns",
            str(first_process),
        ]
    )
    run(["ip", "link", "set", node.link, "master", BRIDGE, "up"])
    run([*inside, "ip", "link", "set", "lo", "up"])
    run([*inside, "ip", "address", "add", f"{node.address}/{PREFIX}", "dev", "uplink"])
    run([*inside, "ip", "link", "set", "uplink", "up"])
    # Services are caught by kube-proxy before they leave, but need a route to be sent at all.
    # There is no default route: the cluster has no way to other networks, and says so at once.
    run([*inside, "ip", "route", "add", SERVICE_RANGE, "via", HOST])
    for other in NODES:
        if other != node:
            run([*inside, "ip", "route", "add", other.pods, "via", other.address])
    # While kube-proxy replaces a Service's rules a packet may pass untranslated. Sent on, it would
    # be lost and so would all that its sender repeats; refused, the sender connects anew.
    reject = ["-A", "FORWARD", "-d", SERVICE_RANGE, "-j", "REJECT"]
    run([*inside, "--mount", "iptables", "-w", "5", *reject])
    forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    run([*inside, "sh", "-c", forward])
    run(["ip", "route", "replace", node.pods, "via", node.address])
    if node == NODES[0]:
        run(["ip", "route", "replace", SERVICE_RANGE, "via", node.address])


def disconnect(node: NodeAddress) -> None:
    """Remove the cable to a node; fine when it is gone."""
    if _exists(node.link):
        run(["ip", "link", "delete", node.link], check=False)


def remove_bridge() -> None:
    """Remove all links of the cluster from the machine."""
    for node in NODES:
        disconnect(node)
    if _exists(BRIDGE):
        run(["ip", "link", "delete", BRIDGE])


def links() -> list[str]:
    """Return the cluster's links that exist on this machine."""
    return [name for name in (BRIDGE, *(n.link for n in NODES)) if _exists(name)]


def _exists(link: str) -> bool:
    return run(["ip", "link", "show", link], check=False).returncode == 0
