"""``make e2e``: the cluster and the image, made side by side, then the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from cluster import image
from cluster.clock import step
from cluster.home import CHECKOUT
from cluster.provider import Provider


def run_suite(provider: Provider, arguments: Sequence[str]) -> int:
    """Raise the cluster, build and load the images, run pytest on ``tests/e2e``.

    Returns:
        pytest's exit code.
    """
    provider.prepare()
    with step("cluster and image ready"), ThreadPoolExecutor() as pool:
        images = pool.submit(image.build_all, provider.home, provider.name)
        pool.submit(_raise_cluster, provider).result()
        for built in images.result():
            provider.load(built)
    os.environ["MODELRUN_CLUSTER_PROVIDER"] = provider.name
    words = [sys.executable, "-m", "pytest", *(arguments or ["tests/e2e"])]
    return subprocess.run(words, cwd=CHECKOUT, check=False, timeout=3600).returncode


def _raise_cluster(provider: Provider) -> None:
    """Raise the cluster, and make the tools that only tests need."""
    provider.up()
    provider.tools()
    provider.kwok()
