"""Thousands of statsmodels models from one YAML file.

    import modelrun
    result = modelrun.run("modelrun.yaml")
    result.coefficients                     # a pandas frame
    result.plot.coefficients()

The same file runs on a Dask cluster in Kubernetes with `kubectl apply -f modelrun.yaml`, or with
`modelrun.submit("modelrun.yaml").wait()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelrun.door import open_results, remote_run, run, submit
    from modelrun.remote.run import RemoteRun
    from modelrun.result import RunResult
    from modelrun_api.modelrun import ModelRun

__all__ = ["ModelRun", "RemoteRun", "RunResult", "open_results", "remote_run", "run", "submit"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first asked for, so that `import modelrun` is free."""
    match name:
        case "run" | "open_results" | "submit" | "remote_run":
            from modelrun import door

            return getattr(door, name)
        case "RunResult":
            from modelrun.result import RunResult

            return RunResult
        case "RemoteRun":
            from modelrun.remote.run import RemoteRun

            return RemoteRun
        case "ModelRun":
            from modelrun_api.modelrun import ModelRun

            return ModelRun
    raise AttributeError(f"module 'modelrun' has no attribute {name!r}; it has {__all__}")
