"""What a run of a cluster left, brought to this machine: from a bucket or from a volume.

A copy is a folder like any other results folder. It never goes over a folder in which a run of
this machine keeps its fits.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.errors import UserMistake
from modelrun.remote.claim import volume_of
from modelrun.remote.seen import Seen
from modelrun.remote.volume import PATIENCE, copy_out

if TYPE_CHECKING:
    from modelrun.remote.connection import Connection
    from modelrun.remote.copying import Meter
    from modelrun.results.opened import Opened

PARTS = "parts"
"""The folder in which a run keeps its fits."""


def address(run: Seen) -> str:
    """Return where the results of a run are: an address of storage, or `pvc://CLAIM/FOLDER`.

    Raises:
        UserMistake: There are none yet.
    """
    results = run.status.results
    if results is None or not results.uri:
        raise UserMistake(
            f"{run.name} ({run.phase}) has no results yet. `modelrun status {run.name}` shows how "
            f"far it is, `modelrun watch {run.name}` waits for its end"
        )
    return results.uri


def is_reachable(uri: str) -> bool:
    """Say whether results can be read where they are, without copying them first."""
    return volume_of(uri) is None


def bring(
    connection: Connection,
    run: Seen,
    folder: Path,
    *,
    tell: Callable[[str], None] = lambda _: None,
    meter: Meter | None = None,
    patience: float = PATIENCE,
) -> list[Path]:
    """Copy tables, report and run.json of a run into a folder, each whole or not at all.

    Args:
        connection: the cluster, for results on a volume.
        run: the run.
        folder: where the files go; made if it is not there.
        tell: is told what is waited for.
        meter: is told how much has come, from a volume.
        patience: seconds for a pod that reads a volume to be ready.

    Raises:
        UserMistake: There are none, they may not be read, or the folder holds something else.
        InfrastructureError: They cannot be read now.
    """
    from modelrun.results import opened, run_json, tables

    uri = address(run)
    _refuse_what_is_no_copy(folder, run)
    volume = volume_of(uri)
    if volume is None:
        return fetch(opened.Opened(uri), folder)
    return copy_out(
        connection, run, volume, folder,
        names=opened.FILES, needed=tables.FITS, marker=run_json.FILE,
        tell=tell, meter=meter, patience=patience,
    )  # fmt: skip


def fetch(opened: Opened, folder: Path) -> list[Path]:
    """Copy opened results into a folder, each file whole or not at all.

    Args:
        opened: the results, wherever they lie.
        folder: where the files go; made if it is not there.

    Raises:
        UserMistake: The folder cannot be written.
        InfrastructureError: The results cannot be read.
    """
    from modelrun.store.trouble import told

    written: list[Path] = []
    with told(str(folder), "write to"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in opened.files:
        path = folder / name
        draft = folder / f".{name}.part"
        place = opened.place
        try:
            with told(place.uri, "copy from"):
                if place.folder is not None:
                    shutil.copyfile(place.folder / name, draft)
                else:
                    with place.files.open(place.path(name)) as remote, draft.open("wb") as local:
                        shutil.copyfileobj(remote, local, 1 << 20)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        written.append(path)
    return written


def _refuse_what_is_no_copy(folder: Path, run: Seen) -> None:
    from modelrun.results import run_json
    from modelrun.store.place import Place

    if (folder / PARTS).exists():
        raise UserMistake(
            f"{folder} is where a run of this machine keeps its fits and tables; a copy would go "
            f"over them. Name another folder: --to {folder}-cluster"
        )
    there = run_json.read(Place.at(folder)) or {}
    study = there.get("study")
    if study not in {None, run.name}:
        raise UserMistake(
            f"{folder} holds the results of {study}, not of {run.name}; name another folder "
            "with --to"
        )
