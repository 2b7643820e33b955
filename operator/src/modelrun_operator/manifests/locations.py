"""Where a run's results go on a cluster."""

from __future__ import annotations

from modelrun_api.environment import RESULTS_FOLDER
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_operator.run import Run


def results_address(run: Run, profile: ModelRunProfileSpec) -> str | None:
    """Return the address as the runner's pod sees it, or None where nobody says one.

    The run's own word stands first, then <resultsPrefix>/<namespace>/<name> of the profile.
    """
    assert run.spec is not None
    to = run.spec.results.to
    if to is not None:
        if to.volume is not None:
            return f"{RESULTS_FOLDER}/{to.volume.path.strip('/')}"
        return to.uri
    if profile.results_prefix is None:
        return None
    return f"{profile.results_prefix.rstrip('/')}/{run.namespace}/{run.name}"


def results_uri(run: Run, profile: ModelRunProfileSpec) -> str | None:
    """Return the address as people read it in the status; a volume is named by its claim."""
    assert run.spec is not None
    to = run.spec.results.to
    if to is not None and to.volume is not None:
        return f"pvc://{to.volume.claim_name}/{to.volume.path.strip('/')}"
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
