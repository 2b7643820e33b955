"""Stories told side by side: each in a namespace of its own, a few at a time.

A run in the cluster is mostly waiting; one after the other, a dozen of them would take half an
hour. A module of tests starts all its stories at once, and each test is the end of one.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.evidence import keep_evidence
from cluster.handle import Cluster
from cluster.modelruns import Study, results_claim, slow_code, submit

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a story happens: a namespace with a claim for results and the module of slow runs.

    Attributes:
        cluster: The test cluster.
        namespace: The namespace.
        image: The image of modelrun.
    """

    cluster: Cluster
    namespace: str
    image: str

    def submit(self, run: dict[str, Any]) -> Study:
        """Apply a run."""
        return submit(self.cluster, self.namespace, run)


Story = Callable[[Place], None]


@contextmanager
def told(
    cluster: Cluster, image: str, evidence: Path, stories: Sequence[Story]
) -> Iterator[dict[str, Future[None]]]:
    """Begin all stories; gives the end of each by its name."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = {
            story.__name__: pool.submit(_tell, story, cluster, image, evidence) for story in stories
        }
        try:
            yield ends
        finally:
            for end in ends.values():
                end.cancel()


def _tell(story: Story, cluster: Cluster, image: str, evidence: Path) -> None:
    words = re.sub(r"[^a-z0-9]+", "-", story.__name__)
    name = f"{words[:40].strip('-')}-{uuid.uuid4().hex[:6]}"
    labels = {"modelrun.dev/e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    cluster.apply(results_claim(), slow_code(), namespace=name)
    try:
        story(Place(cluster, name, image))
    except BaseException:
        keep_evidence(cluster, name, evidence / name)
        raise
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")
