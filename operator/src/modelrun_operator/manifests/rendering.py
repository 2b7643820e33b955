"""Every object that a run would get, without a cluster: for `render` and for reviews."""

from __future__ import annotations

from modelrun_api.profile import ModelRunProfileSpec
from modelrun_operator.manifests.dask_cluster import dask_cluster
from modelrun_operator.manifests.jobs import preflight_job, runner_job
from modelrun_operator.manifests.metadata import Manifest
from modelrun_operator.manifests.network import network_policies
from modelrun_operator.manifests.run_document import run_document
from modelrun_operator.manifests.sizing import size
from modelrun_operator.manifests.tls_secret import tls_secret
from modelrun_operator.pki.inspect import FILES
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

SHOWN_INSTEAD = "(made in the cluster)"


def rendered(
    run: Run, profile: ModelRunProfileSpec, settings: Settings, *, nodes: int | None = None
) -> tuple[Manifest, ...]:
    """Return the objects of the first incarnation and attempt, in the order in which they come.

    Args:
        run: an accepted run.
        profile: its profile.
        settings: the installation.
        nodes: worker nodes, where the run leaves the number to preflight; by default 1.
    """
    assert run.spec is not None
    asked = run.spec.cluster.nodes if run.spec.cluster is not None else None
    sized = size(run.spec, profile, nodes=asked or nodes or 1)
    checks = () if run.spec.program is not None else (preflight_job(run, profile, settings),)
    policies = network_policies(run, settings, size=sized) if settings.network_policies else ()
    return (
        run_document(run),
        *checks,
        # Certificates are never rendered: their keys exist only in the cluster.
        tls_secret(run, incarnation=1, files=dict.fromkeys(FILES, SHOWN_INSTEAD)),
        *policies,
        dask_cluster(run, profile, settings, incarnation=1, size=sized),
        runner_job(run, profile, settings, attempt=1, incarnation=1, size=sized),
    )
