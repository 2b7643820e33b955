"""The kind provider: two workers labelled as c5.24xlarge, and one folder that both share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from cluster.clock import step, wait_until
from cluster.command import run
from cluster.errors import ClusterError
from cluster.home import Home, content_hash
from cluster.native.addresses import NODES
from cluster.native.binaries import built
from cluster.provider import BuiltImage, Status, Tools

CLUSTER = "modelrun-test"
SHARED = "/var/modelrun-shared"
MEMORY_THRESHOLD = "100Mi"

# The images that a release of kind was built for have digests in its release notes; a tag alone
# is enough for a test cluster. The matrix of the workflow sets the variable.
DEFAULT_NODE_IMAGE = "kindest/node:v1.34.0"

# A lost node is noticed after 16 s, and its pods leave after 30 s. kind writes kubeadm's v1beta3
# before Kubernetes 1.36 and v1beta4, where flags are a list, from then on; a patch of the other
# version is passed over without a word, so both are given.
CONTROL_PLANE = {
    "controllerManager": {"node-monitor-period": "2s", "node-monitor-grace-period": "16s"},
    "apiServer": {
        "default-not-ready-toleration-seconds": "30",
        "default-unreachable-toleration-seconds": "30",
    },
}


class KindProvider:
    """A cluster by kind; kubectl, kind and helm are taken from the path."""

    name = "kind"
    nodes: tuple[str, ...] = (f"{CLUSTER}-worker", f"{CLUSTER}-worker2")
    storage_class = "shared"

    def __init__(self, home: Home) -> None:
        self.home = home
        self.image = os.environ.get("MODELRUN_KIND_NODE_IMAGE", DEFAULT_NODE_IMAGE)

    def prepare(self) -> None:
        self._require("docker", "kind", "kubectl")

    def up(self) -> None:
        self.prepare()
        with self.home.locked():
            description = self.home.run / "description"
            current = description.exists() and description.read_text() == self._description()
            if current and self.status().healthy:
                print(f"taking over the healthy kind cluster {CLUSTER}", flush=True)
                return
            if self._exists():
                with step("an earlier kind cluster removed"):
                    self._remove()
            shared = self.home.run / "shared"
            shared.mkdir(parents=True, exist_ok=True)
            shared.chmod(0o777)
            config = self.home.run / "kind.json"
            config.write_text(json.dumps(self.config(shared), indent=1))
            with step("kind cluster created"):
                run(
                    [
                        "kind",
                        "create",
                        "cluster",
                        "--name",
                        CLUSTER,
                        "--image",
                        self.image,
                        "--config",
                        config,
                        "--kubeconfig",
                        self.home.kubeconfig,
                        "--wait",
                        "180s",
                    ],
                    limit=600,
                )
            with step("storage that both nodes share"):
                self._share_storage()
            description.write_text(self._description())

    def down(self) -> None:
        with self.home.locked():
            self._remove()
            left = self.status().found
            if left:
                raise ClusterError("could not be removed:\n" + "\n".join(f"  {x}" for x in left))

    def status(self) -> Status:
        containers = run(
            [
                "docker",
                "ps",
                "--all",
                "--filter",
                f"label=io.x-k8s.kind.cluster={CLUSTER}",
                "--format",
                "{{.Names}} {{.State}}",
            ],
            check=False,
        ).stdout.splitlines()
        problems = [f"container {c}" for c in containers if not c.endswith(" running")]
        if containers and not problems:
            ready = run([*self._kubectl(), "get", "--raw", "/readyz"], check=False)
            if ready.returncode != 0:
                problems.append("the API server is not ready")
        found = tuple(f"container {c}" for c in containers)
        return Status(self.name, bool(found) and not problems, found, tuple(problems))

    def tools(self) -> Tools:
        helm = shutil.which("helm")
        self._require("kubectl")
        return Tools(
            kubectl=Path(shutil.which("kubectl") or "kubectl"),
            helm=Path(helm) if helm else built(self.home, "helm") / "helm",
        )

    def kwok(self) -> Path:
        found = shutil.which("kwok")
        return Path(found) if found else built(self.home, "kwok") / "kwok"

    def load(self, image: BuiltImage) -> None:
        present = run(
            ["docker", "exec", self.nodes[0], "crictl", "images", "--output", "json"], check=False
        ).stdout
        if f"/{image.reference}" in present:
            return
        with step(f"{image.reference} loaded into the nodes"):
            if image.builder == "docker":
                run(
                    ["kind", "load", "docker-image", image.reference, "--name", CLUSTER],
                    limit=600,
                )
                return
            archive = self.home.cache / "load.tar"
            archive.unlink(missing_ok=True)
            run([image.builder, "push", image.reference, f"docker-archive:{archive}"], limit=300)
            run(["kind", "load", "image-archive", archive, "--name", CLUSTER], limit=600)
            archive.unlink()

    def lose_node(self, name: str) -> None:
        run(["docker", "kill", self._known(name)])

    def restore_node(self, name: str) -> None:
        run(["docker", "start", self._known(name)])
        run(
            [*self._kubectl(), "wait", "--for=condition=Ready", f"node/{name}", "--timeout=120s"],
            limit=130,
        )

    def press_memory(self, name: str) -> None:
        self._set_threshold(name, "99%")

    def relieve_memory(self, name: str) -> None:
        self._set_threshold(name, MEMORY_THRESHOLD)

    def freeze_api_server(self) -> None:
        run(["docker", "pause", f"{CLUSTER}-control-plane"])

    def thaw_api_server(self) -> None:
        run(["docker", "unpause", f"{CLUSTER}-control-plane"])
        ready = [*self._kubectl(), "get", "--raw", "/readyz"]
        wait_until(
            "the API server is ready again",
            lambda: run(ready, check=False, limit=10).returncode == 0,
            limit=60,
        )

    def _set_threshold(self, name: str, threshold: str) -> None:
        """Rewrite the kubelet's eviction threshold, and start it again."""
        edit = (
            f"sed -i 's/memory.available: .*/memory.available: \"{threshold}\"/' "
            "/var/lib/kubelet/config.yaml && systemctl restart kubelet"
        )
        run(["docker", "exec", self._known(name), "sh", "-c", edit])

    def config(self, shared: Path) -> dict[str, object]:
        """Return kind's configuration of the cluster; `shared` is the folder of its volumes."""
        workers = [
            {
                "role": "worker",
                "labels": node.labels,
                "extraMounts": [{"hostPath": str(shared), "containerPath": SHARED}],
            }
            for node in NODES
        ]
        kubelet = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "evictionHard": {"memory.available": MEMORY_THRESHOLD},
            "evictionPressureTransitionPeriod": "10s",
            "nodeStatusUpdateFrequency": "4s",
        }
        older = {
            "apiVersion": "kubeadm.k8s.io/v1beta3",
            "kind": "ClusterConfiguration",
            **{part: {"extraArgs": flags} for part, flags in CONTROL_PLANE.items()},
        }
        newer = [
            {
                "op": "add",
                "path": f"/{part}/extraArgs/-",
                "value": {"name": name, "value": value},
            }
            for part, flags in CONTROL_PLANE.items()
            for name, value in flags.items()
        ]
        return {
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "kind": "Cluster",
            "nodes": [{"role": "control-plane"}, *workers],
            "kubeadmConfigPatches": [json.dumps(kubelet), json.dumps(older)],
            "kubeadmConfigPatchesJSON6902": [
                {
                    "group": "kubeadm.k8s.io",
                    "version": "v1beta4",
                    "kind": "ClusterConfiguration",
                    "patch": json.dumps(newer),
                }
            ],
        }

    def _share_storage(self) -> None:
        """Point kind's provisioner at the folder that both nodes mount, and make it the default."""
        settings = {"sharedFileSystemPath": SHARED}
        patch = {"data": {"config.json": json.dumps(settings)}}
        kubectl = self._kubectl()
        run(
            [
                *kubectl,
                "-n",
                "local-path-storage",
                "patch",
                "configmap",
                "local-path-config",
                "--type",
                "merge",
                "--patch",
                json.dumps(patch),
            ]
        )
        run([*kubectl, "-n", "local-path-storage", "rollout", "restart", "deployment"])
        run([*kubectl, "delete", "storageclass", "standard", "--ignore-not-found"])
        storage_class = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": self.storage_class,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "rancher.io/local-path",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        }
        run([*kubectl, "apply", "-f", "-"], stdin=json.dumps(storage_class))
        run(
            [
                *kubectl,
                "-n",
                "local-path-storage",
                "rollout",
                "status",
                "deployment",
                "--timeout=120s",
            ],
            limit=130,
        )

    def _description(self) -> str:
        return content_hash([Path(__file__)], self.image)

    def _kubectl(self) -> list[str]:
        return ["kubectl", "--kubeconfig", str(self.home.kubeconfig)]

    def _exists(self) -> bool:
        listed = run(["kind", "get", "clusters"], check=False).stdout.split()
        return CLUSTER in listed

    def _remove(self) -> None:
        if shutil.which("kind") and self._exists():
            run(
                [
                    "kind",
                    "delete",
                    "cluster",
                    "--name",
                    CLUSTER,
                    "--kubeconfig",
                    self.home.kubeconfig,
                ],
                limit=120,
            )
        self.home.kubeconfig.unlink(missing_ok=True)
        if self.home.run.exists():
            # Files in shared volumes belong to whoever the pods ran as.
            run(
                [
                    "docker",
                    "run",
                    "--rm",
                    "--volume",
                    f"{self.home.run}:/run-folder",
                    "--entrypoint",
                    "sh",
                    self.image,
                    "-c",
                    "rm -rf /run-folder/*",
                ],
                check=False,
                limit=120,
            )
            wait_until(f"removal of {self.home.run}", self._forgotten, limit=10)

    def _forgotten(self) -> bool:
        shutil.rmtree(self.home.run, ignore_errors=True)
        return not self.home.run.exists()

    def _known(self, name: str) -> str:
        if name not in self.nodes:
            raise ClusterError(f"there is no node {name}; there are {', '.join(self.nodes)}.")
        return name

    def _require(self, *programs: str) -> None:
        missing = [p for p in programs if shutil.which(p) is None]
        if missing:
            raise ClusterError(
                f"missing on the path: {', '.join(missing)}. Docker answers, so the cluster is to "
                "be made by kind (https://kind.sigs.k8s.io); set MODELRUN_CLUSTER_PROVIDER=native "
                "to build Kubernetes here instead."
            )
