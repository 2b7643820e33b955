"""Where results go: one rule for every door.

The command line stands before the file, the file before the default `results/<name>/` in the
working directory. A try of a part (`--only`, `--sample`) gets a folder of its own beside it.
"""

from __future__ import annotations

from pathlib import Path

from modelrun.errors import UserMistake
from modelrun_api.modelrun import ModelRun


def results_location(run: ModelRun, *, to: str | None, base: Path, trial: bool) -> str:
    """Return the folder or address of the results.

    Args:
        run: The run.
        to: What the command line said.
        base: The folder of the file, which relative addresses in it start from.
        trial: Whether only a part is fitted.

    Raises:
        UserMistake: The file names a volume, which only a cluster has, or an address that
            nothing can be written to.
    """
    location = to
    if location is None and run.spec.results.to is not None:
        if run.spec.results.to.volume is not None:
            raise UserMistake(
                "spec.results.to names a volume, which only a cluster has; "
                "say where results go on this machine with --to",
                field="spec.results.to.volume",
            )
        location = run.spec.results.to.uri
        assert location is not None
        if "://" not in location:
            location = str(base / location)
    if location is None:
        location = f"results/{run.metadata.name}"
    location = location.removeprefix("file://").rstrip("/")
    if location.startswith(("http://", "https://")):
        raise UserMistake(
            f"{location} can be read, not written: give a folder or a bucket (s3://, gs://, "
            "abfs://) for the results",
            field="spec.results.to" if to is None else None,
        )
    return f"{location}-trial" if trial and to is None else location
