"""Whether a run may be worked on: a chain of named checks; the first that objects wins.

A refused run waits in Pending and recovers by itself when the profile or the run changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.reason import Reason
from modelrun_api.spec import ModelRunSpec
from modelrun_operator.core.snapshot import Snapshot
from modelrun_operator.errors import UserMistake
from modelrun_operator.manifests.locations import results_address
from modelrun_operator.manifests.run_document import MOST_BYTES, document_text
from modelrun_operator.manifests.sizing import most_nodes, workers_per_node
from modelrun_operator.run import Run


def accepted_profile(run: Run, seen: Snapshot) -> ModelRunProfileSpec:
    """Return the profile of a run that may be worked on.

    Raises:
        UserMistake: with the field, its value, what is allowed and what to do.
    """
    if run.spec is None:
        raise UserMistake(Reason.INVALID_SPEC, run.problem or "the spec cannot be read")
    if run.spec.cluster is None:
        raise UserMistake(
            Reason.CLUSTER_MISSING,
            "spec.cluster is absent: name a profile in spec.cluster.profileName "
            "(kubectl get modelrunprofiles lists them)",
        )
    name = run.spec.cluster.profile_name
    if seen.profile is None:
        if seen.profile_problem:
            raise UserMistake(
                Reason.PROFILE_INVALID,
                f"the profile {name} cannot be used: {seen.profile_problem}; ask the platform team",
            )
        raise UserMistake(
            Reason.PROFILE_NOT_FOUND,
            f"spec.cluster.profileName is {name}, and there is no such profile "
            "(kubectl get modelrunprofiles lists them)",
        )
    for check in CHECKS:
        check(run, run.spec, seen.profile.spec)
    return seen.profile.spec


def _fits_the_limits(_run: Run, spec: ModelRunSpec, profile: ModelRunProfileSpec) -> None:
    assert spec.cluster is not None
    limits = profile.limits
    asked = spec.cluster.nodes
    each = workers_per_node(spec, profile)
    name = spec.cluster.profile_name
    if asked is not None and asked > limits.nodes:
        raise UserMistake(
            Reason.LIMIT_EXCEEDED,
            f"spec.cluster.nodes is {asked}; the profile {name} allows {limits.nodes}",
        )
    if each > profile.workers_per_node:
        raise UserMistake(
            Reason.LIMIT_EXCEEDED,
            f"spec.cluster.workersPerNode is {each}; a node of the profile {name} takes "
            f"{profile.workers_per_node}",
        )
    if (asked or 1) > most_nodes(spec, profile):
        raise UserMistake(
            Reason.LIMIT_EXCEEDED,
            f"{asked or 1} nodes of {each} workers are more than the {limits.workers} workers "
            f"that the profile {name} allows",
        )
    minimum = spec.cluster.min_workers
    if asked is not None and isinstance(minimum, int) and minimum > asked * each:
        raise UserMistake(
            Reason.INVALID_SPEC,
            f"spec.cluster.minWorkers is {minimum}, but there will be {asked * each} workers",
        )
    seconds = spec.active_deadline_seconds
    if seconds is not None and seconds > limits.hours * 3600:
        raise UserMistake(
            Reason.LIMIT_EXCEEDED,
            f"spec.activeDeadlineSeconds is {seconds}; the profile {name} allows "
            f"{limits.hours} hours, which are {limits.hours * 3600}",
        )


def _is_reachable(_run: Run, spec: ModelRunSpec, _profile: ModelRunProfileSpec) -> None:
    places = {
        "spec.data.uri": spec.data.uri if spec.data is not None else None,
        "spec.code.uri": spec.code.uri if spec.code is not None else None,
        "spec.results.to.uri": spec.results.to.uri if spec.results.to is not None else None,
    }
    for field, uri in places.items():
        if uri is not None and ("://" not in uri or uri.startswith("file:")):
            raise UserMistake(
                Reason.LOCAL_ADDRESS,
                f"{field} is {uri}, a file of one machine that no pod can see; put it into a "
                "bucket (s3://, gs://, abfs://) or on a volume",
            )


def _has_results(run: Run, spec: ModelRunSpec, profile: ModelRunProfileSpec) -> None:
    if spec.program is None and results_address(run, profile) is None:
        raise UserMistake(
            Reason.RESULTS_LOCATION_MISSING,
            "nobody says where results go: give spec.results.to, or ask the platform team for "
            "resultsPrefix in the profile",
        )


def _budget_is_comparable(_run: Run, spec: ModelRunSpec, profile: ModelRunProfileSpec) -> None:
    if spec.budget is None:
        return
    if profile.price is None:
        raise UserMistake(
            Reason.BUDGET_NOT_COMPARABLE,
            "spec.budget needs a price, and the profile has none; ask the platform team",
        )
    if spec.budget.currency != profile.price.currency:
        raise UserMistake(
            Reason.BUDGET_NOT_COMPARABLE,
            f"spec.budget.currency is {spec.budget.currency}; the profile's price is in "
            f"{profile.price.currency}",
        )


def _fits_a_config_map(run: Run, _spec: ModelRunSpec, _profile: ModelRunProfileSpec) -> None:
    size = len(document_text(run).encode())
    if size > MOST_BYTES:
        raise UserMistake(
            Reason.INVALID_SPEC,
            f"the run's document has {size:,} bytes; a cluster takes {MOST_BYTES:,}. Split the "
            "models over several runs",
        )


Check = Callable[[Run, ModelRunSpec, ModelRunProfileSpec], None]

CHECKS: Final[tuple[Check, ...]] = (
    # Nodes, workers, quorum and hours within the profile.
    _fits_the_limits,
    # Data, code and results where pods can reach them.
    _is_reachable,
    # Somebody says where results go.
    _has_results,
    # A budget can be compared with the price.
    _budget_is_comparable,
    # The document fits the object that carries it.
    _fits_a_config_map,
)
