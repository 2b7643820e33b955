"""Where a run's results go on a cluster: an address of storage, or a folder of a claim.

A profile's resultsPrefix may name a claim as well, as pvc://CLAIM/FOLDER; each namespace with runs
then has a claim of that name, which more than one node can mount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelrun_api.environment import RESULTS_FOLDER
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_operator.run import Run

CLAIM_SCHEME: Final = "pvc://"


@dataclass(frozen=True, slots=True)
class Claim:
    """A folder of a PersistentVolumeClaim in the run's namespace."""

    name: str
    """The claim."""

    path: str
    """The folder, without slashes at its ends."""


def results_claim(run: Run, profile: ModelRunProfileSpec) -> Claim | None:
    """Return the claim for the results, or None where they go elsewhere."""
    assert run.spec is not None
    to = run.spec.results.to
    if to is not None:
        if to.volume is None:
            return None
        return Claim(to.volume.claim_name, to.volume.path.strip("/"))
    prefix = profile.results_prefix
    if prefix is None or not prefix.startswith(CLAIM_SCHEME):
        return None
    claim, _, folder = prefix.removeprefix(CLAIM_SCHEME).partition("/")
    return Claim(claim, f"{folder.strip('/')}/{run.namespace}/{run.name}".strip("/"))


def results_address(run: Run, profile: ModelRunProfileSpec) -> str | None:
    """Return the address as the runner's pod sees it, or None where nobody says one.

    The run's own word stands first, then <resultsPrefix>/<namespace>/<name> of the profile.
    """
    assert run.spec is not None
    claim = results_claim(run, profile)
    if claim is not None:
        return f"{RESULTS_FOLDER}/{claim.path}"
    to = run.spec.results.to
    if to is not None:
        return to.uri
    if profile.results_prefix is None:
        return None
    return f"{profile.results_prefix.rstrip('/')}/{run.namespace}/{run.name}"


def results_uri(run: Run, profile: ModelRunProfileSpec) -> str | None:
    """Return the address as people read it in the status; a volume is named by its claim."""
    claim = results_claim(run, profile)
    if claim is not None:
        return f"{CLAIM_SCHEME}{claim.name}/{claim.path}"
    return results_address(run, profile)


def shown_address(run: Run, profile: ModelRunProfileSpec, address: str | None) -> str | None:
    """Return an address that a pod named as people read it; a volume is named by its claim.

    What a pod says is not believed beyond its own results: another address counts as none.
    """
    inside, outside = results_address(run, profile), results_uri(run, profile)
    if address is None or inside is None or outside is None:
        return None
    inside = inside.rstrip("/")
    if address != inside and not address.startswith(f"{inside}/"):
        return None
    return outside.rstrip("/") + address[len(inside) :]
