"""The study as a folder of files: written once, opened memory-mapped by every process.

Numbers lie in .npy files and tables in uncompressed Arrow files, so that opening reads nothing
and processes of one machine share the pages. A design's columns that are the panel's own are only
named. The folder holds no paths of the machine that wrote it except its own code folder, and
travels as a whole; but rows that stay in their file stay on their machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc

from modelrun import arrays
from modelrun.datasets.parquet_rows import ParquetRows
from modelrun.plan.slices import Slices
from modelrun.plan.study import (
    Design,
    DesignColumn,
    ModelSpec,
    Outputs,
    PlannedModel,
    Resampling,
    Study,
)

_STUDY = "study.json"
_PANEL = "panel.arrow"
_GROUPS = "groups.arrow"
_SLICES = ("start", "stop", "group", "window_start", "window_end")


def write(study: Study) -> None:
    """Write a study into its folder, in place of what an earlier one has left there."""
    folder = study.folder
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in (_STUDY, "*.npy", "*.arrow"):
        for path in folder.glob(pattern):
            path.unlink()
    write_table(study.panel, folder / _PANEL)
    write_table(study.groups, folder / _GROUPS)
    for name in _SLICES:
        np.save(folder / f"slices-{name}.npy", getattr(study.slices, name))
    for at, design in _own_designs(study):
        for number, column in enumerate((design.response, *design.terms)):
            if column.source is None and column.values is not None:
                np.save(_column(folder, at, number), column.values)
    (folder / _STUDY).write_text(json.dumps(_document(study)), encoding="utf-8")


def open_study(folder: Path) -> Study:
    """Open a study memory-mapped.

    Raises:
        FileNotFoundError: The folder holds no study.
    """
    document = json.loads((folder / _STUDY).read_text(encoding="utf-8"))
    slices = Slices(
        **{name: _array(folder / f"slices-{name}.npy") for name in _SLICES},
        replicates=document["replicates"],
    )
    panel = read_table(folder / _PANEL)
    designs = {
        int(at): _design(columns, folder, int(at), panel)
        for at, columns in document["designs"].items()
    }
    models = tuple(_model(entry, designs) for entry in document["models"])
    resample = document["resample"]
    outputs = document["outputs"]
    return Study(
        folder=folder,
        models=models,
        slices=slices,
        panel=panel,
        groups=read_table(folder / _GROUPS),
        window_column=document["windowColumn"],
        min_rows=document["minRows"],
        resample=None if resample is None else Resampling.of_document(resample),
        outputs=Outputs(
            coefficients=tuple(outputs["coefficients"]),
            fits=tuple(outputs["fits"]),
            observations=tuple(outputs["observations"]),
            conf_level=outputs["confLevel"],
        ),
        fit_timeout_seconds=document["fitTimeoutSeconds"],
        code_folder=None if document["codeFolder"] is None else Path(document["codeFolder"]),
        formula_engine=document["formulaEngine"],
        resting=_resting(document["resting"]),
    )


open = open_study  # noqa: A001 - reads as study_files.open(folder)


def files(folder: Path) -> list[tuple[str, int, str]]:
    """Return what a copy of the folder must hold: relative path, size in bytes, SHA-256."""
    listed = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                seen = hashlib.file_digest(stream, "sha256").hexdigest()
            listed.append((path.relative_to(folder).as_posix(), path.stat().st_size, seen))
    return listed


def with_code_folder(study: Study, code_folder: Path | None) -> Study:
    """Return the study with the user's modules at another place of this machine."""
    return replace(study, code_folder=code_folder)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as one uncompressed Arrow batch, so that columns map to single arrays."""
    whole = table.combine_chunks()
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=max(1, whole.num_rows))


def read_table(path: Path) -> pa.Table:
    """Open a table memory-mapped."""
    return ipc.open_file(pa.memory_map(str(path))).read_all()


def _array(path: Path) -> npt.NDArray[Any]:
    # A plain view of the mapping: subclasses make every slice slower.
    values = np.load(path, mmap_mode="r")
    return np.asarray(values)


def _own_designs(study: Study) -> Iterator[tuple[int, Design]]:
    """Yield each design once, with the first model that has it."""
    seen: set[int] = set()
    for at, model in enumerate(study.models):
        if model.design is not None and id(model.design) not in seen:
            seen.add(id(model.design))
            yield at, model.design


def _column(folder: Path, at: int, number: int) -> Path:
    return folder / f"design-{at}-{number}.npy"


def _document(study: Study) -> dict[str, Any]:
    number = {id(design): at for at, design in _own_designs(study)}
    return {
        "designs": {
            str(at): [
                {"name": column.name, "ones": column.values is None, "source": column.source}
                for column in (design.response, *design.terms)
            ]
            for at, design in _own_designs(study)
        },
        "models": [
            {
                "spec": model.spec.document(),
                "columns": list(model.columns),
                "engine": model.engine,
                "reason": model.reason,
                "designReason": model.design_reason,
                "design": None if model.design is None else number[id(model.design)],
            }
            for model in study.models
        ],
        "replicates": study.slices.replicates,
        "windowColumn": study.window_column,
        "minRows": study.min_rows,
        "resample": None if study.resample is None else study.resample.document(),
        "outputs": {
            "coefficients": list(study.outputs.coefficients),
            "fits": list(study.outputs.fits),
            "observations": list(study.outputs.observations),
            "confLevel": study.outputs.conf_level,
        },
        "fitTimeoutSeconds": study.fit_timeout_seconds,
        "codeFolder": None if study.code_folder is None else str(study.code_folder),
        "formulaEngine": study.formula_engine,
        "resting": None if study.resting is None else asdict(study.resting),
    }


def _resting(entry: dict[str, Any] | None) -> ParquetRows | None:
    if entry is None:
        return None
    size, changed = entry["stamp"]
    return ParquetRows(
        address=entry["address"],
        names=tuple(entry["names"]),
        edges=tuple(entry["edges"]),
        groups=tuple(entry["groups"]),
        row_bytes=entry["row_bytes"],
        stamp=(size, changed),
    )


def _model(entry: dict[str, Any], designs: dict[int, Design]) -> PlannedModel:
    spec = ModelSpec(**entry["spec"])
    return PlannedModel(
        name=spec.name,
        spec=spec,
        columns=tuple(entry["columns"]),
        engine=entry["engine"],
        reason=entry["reason"],
        design=None if entry["design"] is None else designs[entry["design"]],
        design_reason=entry["designReason"],
    )


def _design(columns: list[dict[str, Any]], folder: Path, at: int, panel: pa.Table) -> Design:
    response, *terms = (
        DesignColumn(
            name=column["name"],
            values=None
            if column["ones"]
            else _array(_column(folder, at, number))
            if column["source"] is None
            else arrays.to_numpy(panel.column(column["source"])),
            source=column["source"],
        )
        for number, column in enumerate(columns)
    )
    return Design(response, tuple(terms))
