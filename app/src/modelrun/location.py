"""Where results go: one rule for every door.

The command line stands before the file, the file before the default `results/<name>/` in the
working directory. A try of a part (`--only`, `--sample`) gets a folder of its own beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.errors import UserMistake

if TYPE_CHECKING:  # a look at a file does without
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
    place = run.spec.results.to
    if to is None and place is not None and place.volume is not None:
        raise UserMistake(
            "spec.results.to names a volume, which only a cluster has; "
            "say where results go on this machine with --to",
            field="spec.results.to.volume",
        )
    uri = None if place is None else place.uri
    location = _given(run.metadata.name, uri, to=to, base=base)
    if location.startswith(("http://", "https://")):
        raise UserMistake(
            f"{location} can be read, not written: give a folder or a bucket (s3://, gs://, "
            "abfs://) for the results",
            field="spec.results.to" if to is None else None,
        )
    return chosen(run.metadata.name, uri, to=to, base=base, trial=trial)


def chosen(name: str, uri: str | None, *, to: str | None, base: Path, trial: bool) -> str:
    """Return where results go, without a look at what the address is.

    Args:
        name: The run's metadata.name.
        uri: The address in its file, if there is one.
        to: What the command line said.
        base: The folder of the file, which relative addresses in it start from.
        trial: Whether only a part is fitted.
    """
    location = _given(name, uri, to=to, base=base)
    return f"{location}-trial" if trial and to is None else location


def _given(name: str, uri: str | None, *, to: str | None, base: Path) -> str:
    location = to
    if location is None and uri is not None:
        location = uri if "://" in uri else str(base / uri)
    if location is None:
        location = f"results/{name}"
    return location.removeprefix("file://").rstrip("/")
