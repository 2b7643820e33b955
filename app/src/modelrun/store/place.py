"""A location: the files of one study, in a local folder or behind fsspec.

The rest of the store names files only and never asks where they lie. Whole files are written
atomically: by rename in a folder, by one PUT in an object store. It is not for reading data.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrun.errors import UserMistake
from modelrun.store.redact import redact_uri
from modelrun.store.trouble import told

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure"}
"""Which extra of this package brings which kind of address."""


@dataclass(frozen=True, slots=True)
class Place:
    """A location and its files; make one with `Place.at`."""

    uri: str
    """The address as given, with its secrets taken out: fit for messages and tables."""

    folder: Path | None
    """The folder, where the location is one of this machine."""

    files: Any
    """The fsspec file system, where it is not."""

    root: str
    """The path of the location in that file system, without a slash at its end."""

    @classmethod
    def at(cls, uri: str | os.PathLike[str]) -> Place:
        """Return the place with this address: a folder, file://, s3://, gs:// or abfs://.

        Nothing is made or read yet.

        Raises:
            UserMistake: Nothing installed can open addresses of this kind.
        """
        text = os.fspath(uri)
        scheme, separator, rest = text.partition("://")
        if not separator or scheme in {"file", "local"}:
            folder = Path(rest if separator else text).expanduser().absolute()
            return cls(uri=str(folder), folder=folder, files=None, root=str(folder))
        from fsspec.core import url_to_fs

        shown = redact_uri(text)
        try:
            with told(shown, "open"):
                files, root = url_to_fs(text, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise _unknown_kind(scheme, shown) from error
        except Exception as error:
            if isinstance(error.__cause__, ImportError | ValueError):
                raise _unknown_kind(scheme, shown) from error
            raise
        return cls(uri=shown.rstrip("/"), folder=None, files=files, root=str(root).rstrip("/"))

    def path(self, name: str) -> str:
        """Return the full path of a file, for its file system."""
        return f"{self.root}/{name}"

    def show(self, name: str) -> str:
        """Return the address of a file, for people."""
        return f"{self.uri}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        with told(self.uri, "read from"):
            try:
                if self.folder is not None:
                    return (self.folder / name).read_bytes()
                return bytes(self.files.cat_file(self.path(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file; whoever reads sees the old content or the new, never a part."""
        with told(self.uri, "write to"):
            if self.folder is None:
                self.files.pipe_file(self.path(name), content)
                return
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
            try:
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file only if it is not there, atomically; return whether it was written."""
        with told(self.uri, "write to"):
            try:
                if self.folder is None:
                    only_new = {"overwrite": False} if self._is_azure() else {"mode": "create"}
                    self.files.pipe_file(self.path(name), content, **only_new)
                    return True
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
                try:
                    temporary.write_bytes(content)
                    _link(temporary, target)
                finally:
                    temporary.unlink(missing_ok=True)
            except Exception as error:
                if _already_there(error):
                    return False
                raise
            return True

    def _is_azure(self) -> bool:
        names = self.files.protocol
        return bool({"abfs", "abfss", "az"} & ({names} if isinstance(names, str) else set(names)))

    def delete(self, name: str) -> None:
        """Delete a file; it is no error that it is not there."""
        with told(self.uri, "delete in"):
            try:
                if self.folder is not None:
                    (self.folder / name).unlink(missing_ok=True)
                else:
                    self.files.rm_file(self.path(name))
            except FileNotFoundError:
                return

    def names(self, below: str) -> list[str]:
        """Return the names of the files in a folder of the location, sorted."""
        with told(self.uri, "list"):
            try:
                if self.folder is not None:
                    return sorted(
                        entry.name for entry in os.scandir(self.folder / below) if entry.is_file()
                    )
                self.files.invalidate_cache()
                found = self.files.ls(self.path(below), detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(name for name in (path.rsplit("/", 1)[-1] for path in found) if name)

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """Copy files into a folder of this machine, under their last names."""
        if not names:
            return
        targets = [str(folder / name.rsplit("/", 1)[-1]) for name in names]
        with told(self.uri, "read from"):
            self.files.get([self.path(name) for name in names], targets)

    def send(self, file: Path, name: str) -> None:
        """Copy a file of this machine to the location; it appears there as a whole."""
        if self.folder is None:
            with told(self.uri, "write to"):
                self.files.put_file(str(file), self.path(name))
            return
        with told(self.uri, "write to"):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)

    def probe(self) -> None:
        """Prove that files can be written, read back and deleted here.

        Raises:
            UserMistake: The location may not be written or is not there.
            InfrastructureError: It is full or cannot be reached.
        """
        name, content = f"parts/.probe-{os.urandom(6).hex()}", os.urandom(4096)
        self.write(name, content)
        try:
            if self.read(name) != content:
                raise UserMistake(
                    f"{self.uri} does not give back what is written to it; choose another place "
                    "with results.to or --to",
                    field="spec.results.to",
                )
        finally:
            self.delete(name)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name that nothing has yet; file systems without links get a rename."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP} or target.exists():
            raise
        source.replace(target)


def _already_there(error: Exception) -> bool:
    """Say whether a file was refused because there is one (in object stores HTTP 412 or 409)."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FileExistsError) or type(cause).__name__ == "ResourceExistsError":
            return True
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
            if code in {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}:
                return True
        cause = cause.__cause__
    return False


def _unknown_kind(scheme: str, shown: str) -> UserMistake:
    extra = EXTRAS.get(scheme)
    if extra is not None:
        return UserMistake(
            f"cannot open {shown}: support for {scheme}:// is not installed; "
            f"pip install 'modelrun[{extra}]'",
            field="spec.results.to",
        )
    return UserMistake(
        f"cannot open {shown}: no storage of kind {scheme}:// is known; use a folder, s3://, "
        "gs:// or abfs://",
        field="spec.results.to",
    )
