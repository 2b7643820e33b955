"""The user's code beside a file, packed for a ConfigMap that pods unpack.

Only what is needed travels: the modules that callables name or the files that a program's command
names, and the modules and packages beside them that they import, directly or through each other.
What comes from installed packages must be in the image.
"""

from __future__ import annotations

import ast
import base64
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from modelrun.errors import UserMistake
from modelrun.unpack import ARCHIVE
from modelrun_api.spec import ModelRunSpec

MOST_BYTES: Final = 900 * 1024
"""A ConfigMap holds one MiB, names and envelope included."""

SKIPPED: Final = frozenset({"__pycache__", "node_modules"})
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SCRIPT_WORD: Final = re.compile(r"[-\w./]+\.\w+")


@dataclass(frozen=True, slots=True)
class Packed:
    """Files that travel together."""

    files: Mapping[str, bytes]
    """Content by path below the folder of the run's file."""

    contents: Mapping[str, Any] = field(repr=False)
    """`data` of the ConfigMap, one key a file; or `binaryData` with one archive."""

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(map(len, self.files.values()))


def pack(spec: ModelRunSpec, folder: Path) -> Packed | None:
    """Return the code of a run, or None where nothing beside its file is needed.

    Args:
        spec: the run's spec; its callables and its program say what is needed.
        folder: the folder of the run's file.

    Raises:
        UserMistake: The code is no Python, or larger than 900 KiB even in an archive.
    """
    folder = folder.resolve()
    if spec.program is not None:
        found = dict(_of_program(spec.program.command, folder))
    else:
        modules = [one.callable.partition(":")[0] for one in spec.models if one.callable]
        found = _closure(modules, folder, {})
    return packed(found) if found else None


def packed(files: Mapping[str, bytes]) -> Packed:
    """Return files in the form that a ConfigMap takes: as they are, or as one archive.

    Raises:
        UserMistake: They are larger than 900 KiB even in an archive; names the largest.
    """
    files = dict(sorted(files.items()))
    plain = all(_KEY.fullmatch(name) and name != ARCHIVE for name in files)
    if plain and sum(map(len, files.values())) <= MOST_BYTES:
        try:
            return Packed(files, {"data": {name: raw.decode() for name, raw in files.items()}})
        except UnicodeDecodeError:
            pass
    archive = _archive(files)
    if len(archive) > MOST_BYTES:
        largest = sorted(files, key=lambda name: -len(files[name]))[:3]
        listed = ", ".join(f"{name} ({len(files[name]):,} bytes)" for name in largest)
        raise UserMistake(
            f"the code is {len(archive):,} bytes when packed, and a ConfigMap takes {MOST_BYTES:,};"
            f" the largest files: {listed}. Put it into a zip file in a bucket and name that with "
            "spec.code.uri, or install it into the image",
            field="spec.code",
        )
    return Packed(files, {"binaryData": {ARCHIVE: base64.b64encode(archive).decode()}})


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, raw, compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _of_program(command: list[str], folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    modules = [word for before, word in pairwise(command) if before == "-m"]
    named = [word for word in command if _inside(word, folder) is not None]
    while named:
        path = _inside(named.pop(), folder)
        name = path.relative_to(folder).as_posix() if path is not None else ""
        if path is None or name in found:
            continue
        found[name] = path.read_bytes()
        if path.suffix == ".py":
            modules += _imported(path, found[name])
        elif found[name].startswith(b"#!"):
            # A script of the shell: the files that its text names.
            named += _SCRIPT_WORD.findall(found[name].decode(errors="ignore"))
    return _closure(modules, folder, found)


def _inside(word: str, folder: Path) -> Path | None:
    """Return the file below the folder that a word of a command names, or None."""
    if not word or Path(word).is_absolute() or len(word) > 1024:
        return None
    path = (folder / word).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


def _closure(modules: Iterable[str], folder: Path, found: dict[str, bytes]) -> dict[str, bytes]:
    """Add modules, and what they import from the folder; a package travels whole."""
    waiting = [module.partition(".")[0] for module in modules]
    done: set[str] = set()
    while waiting:
        top = waiting.pop()
        if top in done:
            continue
        done.add(top)
        for path in _files_of(top, folder):
            raw = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = raw
            if path.suffix == ".py":
                waiting += [name.partition(".")[0] for name in _imported(path, raw)]
    return found


def _files_of(top: str, folder: Path) -> Iterator[Path]:
    module = folder / f"{top}.py"
    package = folder / top
    if package.is_dir() and any(package.rglob("*.py")):
        for path in sorted(package.rglob("*")):
            parts = path.relative_to(folder).parts
            hidden = any(part.startswith(".") or part in SKIPPED for part in parts)
            if path.is_file() and not hidden and path.suffix != ".pyc":
                yield path
    elif module.is_file():
        yield module


def _imported(path: Path, raw: bytes) -> list[str]:
    try:
        tree = ast.parse(raw, filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UserMistake(f"{path}{line} is not valid Python: {error}") from None
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names += [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                names.append(module)
    return names
