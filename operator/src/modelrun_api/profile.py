"""A ModelRunProfile: what the platform team decides once, so that runs only name it.

Cluster-scoped. It says which image and which nodes a run gets, what an hour of them costs and how
much one run may take. Every field has a type; there is no free pod overlay, because whoever may
use a profile must not gain more than it says.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from modelrun_api.wire import Currency, Decimal, FreeMap, Wire, words

Quantity = Annotated[
    str,
    words(
        r"^[0-9]{1,15}(\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$",
        'a quantity of Kubernetes, such as "94", 500m or 165Gi',
        max_length=32,
    ),
]
"""A quantity of Kubernetes."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
Label = Annotated[str, Field(max_length=1024)]
WholeQuantity = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Quantities = Annotated[dict[str, WholeQuantity | Quantity], Field(max_length=16)]
TextMap = Annotated[dict[str, Label], Field(max_length=64)]


class SecretName(Wire):
    """A Secret by its name."""

    name: ObjectName
    """The Secret's name, in the namespace of the run."""


class Price(Wire):
    """What worker nodes cost."""

    per_node_hour: Decimal
    """The price of one worker node for one hour, as a decimal text."""

    currency: Currency = "USD"
    """The currency; a run's budget must be in the same."""


class Limits(Wire):
    """The most that one run may take."""

    nodes: Annotated[int, Field(ge=1, le=1000)] = 10
    """Worker nodes."""

    workers: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Worker processes on all nodes together."""

    hours: Annotated[int, Field(ge=1, le=720)] = 24
    """Hours from the start of a run to its end; also the lifetime of its certificates."""


class Toleration(Wire):
    """A taint that pods accept, as in a Pod."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """The taint's key; absent with operator Exists for every taint."""

    operator: Literal["Equal", "Exists"] | None = None
    """How the value is compared; Equal by default."""

    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The effect to accept; absent for every effect."""

    toleration_seconds: Annotated[int, Field(ge=0, le=2_592_000)] | None = None
    """How long a NoExecute taint is accepted."""


class Resources(Wire):
    """What a container asks for and may take, as in a Pod."""

    requests: Quantities = {}
    """What the scheduler reserves."""

    limits: Quantities = {}
    """What the container may take at most. A CPU limit slows numeric work for nothing."""


class Scratch(Wire):
    """The folder for the panel and for spilling, at /scratch in every pod."""

    size: Quantity = "10Gi"
    """The most it may hold; it must fit the panel, in the runner twice where the panel takes more
    than a quarter of its memory. Counted as memory with medium Memory."""

    medium: Literal["Memory"] | None = None
    """Memory for a file system in memory; absent for the node's disk."""

    storage_class_name: ObjectName | None = None
    """A storage class, for a volume of its own for each pod; absent for the node's disk."""


class PodShape(Wire):
    """Where pods run and what they get; the words are those of a Pod."""

    node_selector: TextMap = {}
    """Labels that nodes must have, such as the node group."""

    tolerations: Annotated[list[Toleration], Field(max_length=32)] = []
    """Taints that the pods accept."""

    affinity: FreeMap = {}
    """Affinity rules, as in a Pod."""

    priority_class_name: ObjectName | None = None
    """The priority class."""

    runtime_class_name: ObjectName | None = None
    """The runtime class."""

    labels: TextMap = {}
    """Labels of the pods, such as the name of a queue."""

    annotations: TextMap = {}
    """Annotations of the pods."""

    resources: Resources = Resources()
    """Requests and limits of the container that works."""

    scratch: Scratch = Scratch()
    """The folder for the panel and for spilling."""

    capacity_type: Literal["on-demand", "spot"] = "on-demand"
    """What the nodes are: a lost spot node is expected, and says so in the run's status."""


class ModelRunProfileSpec(Wire):
    """What a run gets that names this profile."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    """The image of every pod of the run: runner, scheduler and workers are one version."""

    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When nodes pull the image; absent for Kubernetes' own rule."""

    image_pull_secrets: Annotated[list[SecretName], Field(max_length=16)] = []
    """Secrets for the image's registry, in the namespace of the run."""

    service_account_name: ObjectName | None = None
    """The service account of pods that read data and write results, made by the platform team.
    The pods carry no token of Kubernetes; cloud roles for service accounts work."""

    results_prefix: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Where results go that name no place: <resultsPrefix>/<namespace>/<name>."""

    price: Price | None = None
    """What worker nodes cost; without it no cost is counted and no budget accepted."""

    limits: Limits = Limits()
    """The most that one run may take."""

    workers_per_node: Annotated[int, Field(ge=1, le=512)] = 1
    """Worker processes on each node, one thread each: the node's CPUs less what it needs itself."""

    worker: PodShape = PodShape()
    """The worker pods, one on each node."""

    control: PodShape = PodShape()
    """The pods of preflight, scheduler and runner: a node full of workers has no room for them."""


class ProfileMetadata(Wire):
    """Object metadata; what Kubernetes adds is kept but not looked at."""

    model_config = ConfigDict(extra="allow")

    name: ObjectName
    """The profile's name, which runs give as cluster.profileName."""


class ModelRunProfile(Wire):
    """A kind of cluster that runs may ask for: image, nodes, price and limits."""

    api_version: Literal["modelrun.dev/v1alpha1"] = "modelrun.dev/v1alpha1"
    """Group and version."""

    kind: Literal["ModelRunProfile"] = "ModelRunProfile"
    """The kind."""

    metadata: ProfileMetadata
    """The name and what Kubernetes adds."""

    spec: ModelRunProfileSpec
    """What a run gets."""
