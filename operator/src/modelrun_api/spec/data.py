"""Where rows come from and where results go."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modelrun_api.wire import Wire, check_exactly_one, exactly_one

Uri = Annotated[str, Field(min_length=1, max_length=2048)]


class Volume(Wire):
    """A path on a PersistentVolumeClaim of the run's namespace."""

    claim_name: Annotated[str, Field(min_length=1, max_length=253)]
    """The claim. With more than one node it must be ReadOnlyMany or ReadWriteMany."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    """The path inside the volume, without a leading slash."""


class Location(Wire):
    """A place for files: exactly one of uri and volume."""

    rules = (exactly_one("uri", "volume"),)

    uri: Uri | None = None
    """An fsspec address: a local folder, s3://, gs:// or abfs://."""

    volume: Volume | None = None
    """A path on a PersistentVolumeClaim."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        check_exactly_one(self, "uri", "volume")
        return self


class Data(Wire):
    """The rows: exactly one of uri, volume and dataset."""

    rules = (exactly_one("uri", "volume", "dataset"),)

    uri: Uri | None = None
    """A file, s3://, gs://, abfs:// or https:// address of a parquet, csv or arrow file. A file of
    the machine itself only works on a laptop."""

    volume: Volume | None = None
    """A file on a PersistentVolumeClaim."""

    dataset: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Bundled real data, for examples and tests; `modelrun datasets` lists them."""

    format: Literal["parquet", "csv", "arrow"] | None = None
    """The file's format, where its suffix does not tell."""

    where: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Only rows for which this expression holds, in pandas query syntax."""

    credentials_secret_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """A Secret of the namespace; its keys become environment variables of the pods that read."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        check_exactly_one(self, "uri", "volume", "dataset")
        return self


class Code(Wire):
    """The user's own modules: exactly one of configMapName and uri."""

    rules = (exactly_one("configMapName", "uri"),)

    config_map_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """A ConfigMap with one key per file, or one key `code.zip`."""

    uri: Uri | None = None
    """A zip file with Python modules."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        check_exactly_one(self, "configMapName", "uri")
        return self
