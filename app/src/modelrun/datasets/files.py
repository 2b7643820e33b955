"""Reading a parquet, csv or arrow file from wherever fsspec reaches.

Local files are read by Arrow directly; fsspec and the client of a storage service are imported
only for addresses that need them. The schema is read first, so that only needed columns are.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelrun.datasets import extent, mapped, parquet_rows
from modelrun.datasets.parquet_rows import ParquetRows
from modelrun.errors import InfrastructureError, UserMistake

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMPRESSED = (".gz", ".bz2", ".zst")
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
_MISSING_WORDS = ["", "#N/A", "N/A", "NA", "NaN", "nan", "NULL", "null", "None", "<NA>", "n/a"]


@dataclass(frozen=True, slots=True)
class File:
    """One data file."""

    address: str
    """An fsspec address, or the absolute path of a local file."""

    format: str
    """parquet, csv or arrow."""

    field: str
    """The path in the document that named it."""

    def schema(self) -> pa.Schema:
        """Return names and types without reading the rows; of a csv the types are a guess.

        Raises:
            UserMistake: The file is missing, unreadable or of another format.
            InfrastructureError: The storage does not answer.
        """
        return self._opened(lambda source: _schema(source, self.format, self._separator()))

    def table(
        self, columns: Sequence[str] | None = None, *, scratch: Path | None = None
    ) -> pa.Table:
        """Return these columns, or all; raises as `schema` does.

        Args:
            columns: Their names.
            scratch: A folder for rows that are too many for memory (parquet); it must stay while
                the table is used.
        """
        return self._opened(
            lambda source: _table(source, self.format, self._separator(), columns, scratch)
        )

    def resting(self, columns: Sequence[str]) -> ParquetRows | None:
        """Return columns that are too many for memory and can stay in this file; None: they cannot.

        Raises as `schema` does.
        """
        if self.format != "parquet" or self._remote():
            return None

        def look(source: Any) -> ParquetRows | None:
            import pyarrow.parquet as pq

            return parquet_rows.of_file(pq.ParquetFile(source), self.address, columns)

        found: ParquetRows | None = self._opened(look)
        return found

    def _separator(self) -> str:
        return "\t" if ".tsv" in self.address.lower() else ","

    def _opened(self, read: Any) -> Any:
        try:
            with ExitStack() as stack:
                return read(self._source(stack))
        except (FileNotFoundError, IsADirectoryError) as error:
            # fsspec says "not found" as well where a server could not be reached at all.
            if isinstance(error.__cause__, OSError) and self._remote():
                raise self._unreachable(error.__cause__) from error
            raise UserMistake(self._absent(), field=self.field) from None
        except PermissionError as error:
            raise UserMistake(
                f"{self.address} may not be read: {error}. Check the rights on the file, or the "
                "credentials in the environment (credentialsSecretName on a cluster).",
                field=self.field,
            ) from None
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, EOFError) as error:
            said = str(error).splitlines()[0].rstrip(".")
            raise UserMistake(
                f"{self.address} is not a {self.format} file that can be read: {said}. If it has "
                "another format, say `format: csv`, `parquet` or `arrow` beside the uri.",
                field=self.field,
            ) from None
        except ImportError as error:
            raise self._no_client(error) from None
        except OSError as error:
            if self._remote():
                raise self._unreachable(error) from error
            raise UserMistake(
                f"{self.address} cannot be read as {self.format}: {error}.", field=self.field
            ) from None
        except UserMistake:
            raise
        except Exception as error:
            if not self._remote() or isinstance(error, (TypeError, AttributeError, KeyError)):
                raise
            if "Credentials" in type(error).__name__:
                raise UserMistake(
                    f"{self.address} needs credentials: {error}. Set them in the environment "
                    "(credentialsSecretName on a cluster).",
                    field=self.field,
                ) from None
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> InfrastructureError:
        return InfrastructureError(
            f"{self.address} cannot be reached: {type(error).__name__}: {error}. "
            "Nothing was lost; run again when the storage answers."
        )

    def _remote(self) -> bool:
        return "://" in self.address

    def _absent(self) -> str:
        message = f"there is no data file {self.address}"
        if self._remote():
            return f"{message}; check the address."
        folder = Path(self.address).parent
        if Path(self.address).is_dir():
            return f"{self.address} is a folder; name the file in it."
        if not folder.is_dir():
            return f"{message}: the folder {folder} does not exist either."
        from modelrun.nearest import suggestion

        files = sorted(entry.name for entry in folder.iterdir() if _known(entry.name))
        name = Path(self.address).name
        if not files:
            return f"{message}, and no other data file in that folder."
        return f"{message}; {suggestion(name, files)}"

    def _no_client(self, error: ImportError) -> UserMistake:
        scheme = self.address.partition("://")[0]
        extra = _EXTRAS.get(scheme)
        if extra is None:
            return UserMistake(f"{self.address} cannot be read: {error}", field=self.field)
        return UserMistake(
            f"{self.address} needs the client of {scheme}://, which is not installed: "
            f"pip install 'modelrun[{extra}]'",
            field=self.field,
        )

    def _source(self, stack: ExitStack) -> Any:
        compressed = self.address.lower().endswith(_COMPRESSED)
        if not self._remote():
            path = self.address
            if Path(path).is_dir():
                raise IsADirectoryError(path)
            with open(path, "rb"):  # noqa: PTH123 - Python's errors tell missing from forbidden
                pass
            if self.format == "csv" and compressed:
                return stack.enter_context(pa.input_stream(path, compression="detect"))
            return stack.enter_context(pa.memory_map(path) if not compressed else pa.OSFile(path))
        import fsspec

        scheme = self.address.partition("://")[0]
        try:
            opened = fsspec.open(self.address, "rb", compression="infer" if compressed else None)
        except ValueError as error:
            raise UserMistake(
                f"{scheme}:// is no address that can be read: {error}. Use a path, s3://, gs://, "
                "abfs:// or https://.",
                field=self.field,
            ) from None
        return stack.enter_context(opened)


def absolute(uri: str, base: Path) -> str:
    """Return an address of fsspec, or the absolute path of a file on this machine.

    Args:
        uri: As it stands in a document.
        base: The folder that paths are relative to.
    """
    if uri.startswith("file://"):
        return uri.removeprefix("file://")
    if "://" in uri:
        return uri
    return str((base / Path(uri).expanduser()).absolute())


def format_of(address: str) -> str | None:
    """Return the format that the suffix tells, looking through compression."""
    name = address.split("?", maxsplit=1)[0].lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return _SUFFIXES.get(Path(name).suffix)


def _known(name: str) -> bool:
    return format_of(name) is not None


def _schema(source: Any, kind: str, separator: str) -> pa.Schema:
    match kind:
        case "parquet":
            import pyarrow.parquet as pq

            return pq.ParquetFile(source).schema_arrow
        case "arrow":
            return _arrow_reader(source).schema
        case _:
            from pyarrow import csv

            reader = csv.open_csv(source, **_csv_options(separator, None))
            return reader.schema


def _table(
    source: Any, kind: str, separator: str, columns: Sequence[str] | None, scratch: Path | None
) -> pa.Table:
    names = None if columns is None else list(columns)
    match kind:
        case "parquet":
            import pyarrow.parquet as pq

            file = pq.ParquetFile(source)
            chosen = file.schema_arrow.names if names is None else names
            if scratch is not None and extent.is_large(file, chosen):
                return _beside_memory(file, chosen, scratch)
            return file.read(columns=names)
        case "arrow":
            table = _arrow_reader(source).read_all()
            return table if names is None else table.select(names)
        case _:
            from pyarrow import csv

            return csv.read_csv(source, **_csv_options(separator, names))


def _beside_memory(file: Any, names: Sequence[str], scratch: Path) -> pa.Table:
    try:
        return mapped.table(file, names, scratch / "rows")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserMistake(
            f"the rows are too many for memory, and {scratch} has no room for them; set TMPDIR to "
            "a folder on a larger disk.",
            field="spec.data",
        ) from None


def _arrow_reader(source: Any) -> Any:
    from pyarrow import ipc

    try:
        return ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return ipc.open_stream(source)


def _csv_options(separator: str, names: list[str] | None) -> dict[str, Any]:
    from pyarrow import csv

    return {
        "parse_options": csv.ParseOptions(delimiter=separator, newlines_in_values=False),
        "convert_options": csv.ConvertOptions(
            include_columns=names,
            null_values=_MISSING_WORDS,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    }
