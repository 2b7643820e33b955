"""What a run of a cluster left: its address, opened from here, and a copy where one is wanted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.errors import UserMistake
from modelrun.remote.seen import Seen
from modelrun.remote.volume import how_to_copy, is_on_volume

if TYPE_CHECKING:
    from modelrun.results.opened import Opened


def address(run: Seen) -> str:
    """Return where the results of a run are, for a reader outside the cluster.

    Raises:
        UserMistake: There are none yet, or they lie on a volume; says how to get at them.
    """
    results = run.status.results
    if results is None or not results.uri:
        raise UserMistake(
            f"{run.name} ({run.phase}) has no results yet. `modelrun status {run.name}` shows how "
            f"far it is, `modelrun watch {run.name}` waits for its end"
        )
    if is_on_volume(results.uri):
        raise UserMistake(how_to_copy(results.uri, run=run.name, namespace=run.namespace))
    return results.uri


def fetch(opened: Opened, folder: Path) -> list[Path]:
    """Copy tables, report and run.json into a folder, each whole or not at all.

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
