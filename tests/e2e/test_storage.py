"""Volumes are shared between the nodes, and S3 answers pods and tests alike."""

from __future__ import annotations

from cluster.handle import Cluster
from cluster.pods import python_pod
from cluster.s3 import S3

WRITE_S3 = """
import os
import pandas as pd
import s3fs
bucket = os.environ["BUCKET"]
s3fs.S3FileSystem().mkdir(bucket)
pd.DataFrame({"x": [1, 2, 3]}).to_parquet(f"s3://{bucket}/panel.parquet")
print(pd.read_parquet(f"s3://{bucket}/panel.parquet")["x"].sum())
"""


def test_a_volume_is_written_on_one_node_and_read_on_the_other(
    cluster: Cluster, namespace: str, image: str
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "panel"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    write = "open('/data/panel', 'w').write('from the other node')"
    read = "print(open('/data/panel').read())"
    first, second = cluster.nodes
    place = {"/data": "panel"}
    cluster.apply(
        claim, python_pod("write", image, write, node=first, claims=place), namespace=namespace
    )
    cluster.wait_for_pod("write", namespace, phases=["Succeeded"], limit=120)
    cluster.apply(python_pod("read", image, read, node=second, claims=place), namespace=namespace)
    cluster.wait_for_pod("read", namespace, phases=["Succeeded"])
    assert cluster.logs("read", namespace).strip() == "from the other node"


def test_a_pod_writes_to_s3_what_the_test_reads(
    cluster: Cluster, namespace: str, image: str, s3_server: S3
) -> None:
    import fsspec

    env = {**s3_server.credentials, "BUCKET": namespace}
    cluster.apply(python_pod("writer", image, WRITE_S3, env=env), namespace=namespace)
    cluster.wait_for_pod("writer", namespace, phases=["Succeeded"], limit=120)
    assert cluster.logs("writer", namespace).strip() == "6"
    files = fsspec.filesystem("s3", **s3_server.storage_options).ls(namespace)
    assert files == [f"{namespace}/panel.parquet"]
