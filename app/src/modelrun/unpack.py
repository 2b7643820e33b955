"""Puts the user's code in place before a pod of a cluster starts: `python -m modelrun.unpack`.

The source is a folder (a mounted ConfigMap, whose keys are files) or the address of a zip file; a
file `code.zip` in a folder is unpacked too. On a laptop nothing is unpacked: the folder of the
file is the place of the code.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

ARCHIVE: Final = "code.zip"
MOST_BYTES: Final = 200_000_000


def unpack(source: str, target: Path) -> list[str]:
    """Copy or unpack the code into a folder; return the names at its top.

    Args:
        source: a folder, or an fsspec address of a zip file.
        target: the folder, which exists.

    Raises:
        ValueError: the archive is none, or larger than 200 MB when unpacked.
        OSError: the source cannot be read.
    """
    folder = Path(source)
    if "://" not in source and folder.is_dir():
        # A mounted ConfigMap also holds hidden folders that its visible entries point into.
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.name == ARCHIVE:
                _extract(entry, target)
            else:
                shutil.copyfile(entry, target / entry.name)
    else:
        import fsspec

        with tempfile.TemporaryDirectory() as scratch:
            local = Path(scratch) / ARCHIVE
            with fsspec.open(source, "rb") as remote, local.open("wb") as copy:
                shutil.copyfileobj(remote, copy)
            _extract(local, target)
    return sorted(entry.name for entry in target.iterdir())


def _extract(archive: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            size = sum(member.file_size for member in opened.infolist())
            if size > MOST_BYTES:
                raise ValueError(
                    f"{archive.name} unpacks to {size:,} bytes; {MOST_BYTES:,} are allowed"
                )
            opened.extractall(target)
    except zipfile.BadZipFile:
        raise ValueError(f"{archive.name} is not a zip file") from None


def main(arguments: list[str]) -> int:
    """Unpack; exit code 2 for a source that is no code."""
    if len(arguments) != 2:
        sys.stderr.write("use: python -m modelrun.unpack SOURCE FOLDER\n")
        return 2
    try:
        names = unpack(arguments[0], Path(arguments[1]))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"the code at {arguments[0]} cannot be unpacked: {error}\n")
        return 2
    sys.stdout.write(f"code: {', '.join(names)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
