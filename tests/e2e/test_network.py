"""The two nodes are one network: pods, names and Services reach across."""

from __future__ import annotations

import json

from cluster.handle import Cluster, is_ready
from cluster.pods import python_pod

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["ME"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""

CLIENT = """
import json, os, time, urllib.request
def ask(where):
    end = time.monotonic() + 30
    while True:
        try:
            return urllib.request.urlopen(f"http://{where}:8000/", timeout=5).read().decode()
        except OSError:
            if time.monotonic() > end: raise
            time.sleep(0.3)
addresses = json.loads(os.environ["ADDRESSES"])
pods = {name: ask(address) for name, address in addresses.items()}
end = time.monotonic() + 30
answers = set()
while len(answers) < 2 and time.monotonic() < end:
    answers.add(ask(os.environ["SERVICE"]))
print(json.dumps({"pods": pods, "service": sorted(answers)}))
"""


def test_pods_on_both_nodes_reach_each_other_by_address_and_by_service_name(
    cluster: Cluster, namespace: str, image: str
) -> None:
    ready = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1}
    servers = {f"server-on-{node}": node for node in cluster.nodes}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "both"},
        "spec": {"selector": {"app": "both"}, "ports": [{"port": 8000}]},
    }
    cluster.apply(
        *(
            python_pod(
                name,
                image,
                SERVER,
                node=node,
                env={"ME": name},
                labels={"app": "both"},
                ports=[8000],
                container={"readinessProbe": ready},
            )
            for name, node in servers.items()
        ),
        service,
        namespace=namespace,
    )
    pods = {name: cluster.wait_for_pod(name, namespace, limit=180) for name in servers}
    addresses = {name: pod["status"]["podIP"] for name, pod in pods.items()}
    assert {pod["spec"]["nodeName"] for pod in pods.values()} == set(cluster.nodes)

    env = {"ADDRESSES": json.dumps(addresses), "SERVICE": f"both.{namespace}.svc"}
    clients = {f"client-on-{node}": node for node in cluster.nodes}
    cluster.apply(
        *(python_pod(name, image, CLIENT, node=node, env=env) for name, node in clients.items()),
        namespace=namespace,
    )
    for name in clients:
        cluster.wait_for_pod(name, namespace, phases=["Succeeded"])
        answer = json.loads(cluster.logs(name, namespace))
        assert answer == {"pods": {s: s for s in servers}, "service": sorted(servers)}


def test_nodes_look_like_an_eks_node_group_of_c5(cluster: Cluster) -> None:
    group = "eks.amazonaws.com/nodegroup=c5-24xlarge,node.kubernetes.io/instance-type=c5.24xlarge"
    nodes = cluster.list("nodes", selector=group)
    assert sorted(node["metadata"]["name"] for node in nodes) == sorted(cluster.nodes)
    assert all(is_ready(node) for node in nodes)
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert len(zones) == 2
