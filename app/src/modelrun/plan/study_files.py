"""The study as a folder of files: written once, opened memory-mapped by every process.

Numbers lie in .npy files and tables in uncompressed Arrow files, so that opening reads nothing
and processes of one machine share the pages. The folder holds no paths of the machine that wrote
it except its own code folder, and travels as a whole.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc

from modelrun.plan.slices import Slices
from modelrun.plan.study import Design, Outputs, PlannedModel, Study
from modelrun_api.spec import Model, Resample

_STUDY = "study.json"
_PANEL = "panel.arrow"
_GROUPS = "groups.arrow"
_SLICES = ("start", "stop", "group", "window_start", "window_end")


def clear(folder: Path) -> None:
    """Make the folder, without what an earlier study left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in (_STUDY, "*.npy", "*.arrow"):
        for path in folder.glob(pattern):
            path.unlink()


def room_for_exog(folder: Path, at: int, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the matrix of model `at` as a file to fill, so that it never lies in memory whole."""
    if 0 in shape:
        return np.empty(shape, order="F")
    matrix: npt.NDArray[np.float64] = np.lib.format.open_memmap(
        _exog(folder, at), mode="w+", dtype=np.float64, fortran_order=True, shape=shape
    )
    return matrix


def write(study: Study, folder: Path) -> None:
    """Write a study into a cleared folder; matrices that lie there already are only flushed."""
    write_table(study.panel, folder / _PANEL)
    write_table(study.groups, folder / _GROUPS)
    for name in _SLICES:
        np.save(folder / f"slices-{name}.npy", getattr(study.slices, name))
    for at, model in enumerate(study.models):
        if model.design is not None and _file_of(study, at) == at:
            np.save(_endog(folder, at), model.design.endog)
            if isinstance(model.design.exog, np.memmap):
                model.design.exog.flush()
            else:
                np.save(_exog(folder, at), model.design.exog)
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
    models = tuple(_model(entry, folder) for entry in document["models"])
    resample = document["resample"]
    outputs = document["outputs"]
    return Study(
        folder=folder,
        models=models,
        slices=slices,
        panel=read_table(folder / _PANEL),
        groups=read_table(folder / _GROUPS),
        window_column=document["windowColumn"],
        min_rows=document["minRows"],
        resample=None if resample is None else Resample.model_validate(resample),
        outputs=Outputs(
            coefficients=tuple(outputs["coefficients"]),
            fits=tuple(outputs["fits"]),
            observations=tuple(outputs["observations"]),
            conf_level=outputs["confLevel"],
        ),
        fit_timeout_seconds=document["fitTimeoutSeconds"],
        code_folder=None if document["codeFolder"] is None else Path(document["codeFolder"]),
        formula_engine=document["formulaEngine"],
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


def _file_of(study: Study, at: int) -> int:
    """Return the first model that has the same design, under whose number it is written."""
    design = study.models[at].design
    return next(number for number, model in enumerate(study.models) if model.design is design)


def _endog(folder: Path, at: int) -> Path:
    return folder / f"design-{at}-endog.npy"


def _exog(folder: Path, at: int) -> Path:
    return folder / f"design-{at}-exog.npy"


def _document(study: Study) -> dict[str, Any]:
    return {
        "models": [
            {
                "spec": model.spec.document(),
                "columns": list(model.columns),
                "engine": model.engine,
                "reason": model.reason,
                "designReason": model.design_reason,
                "design": None
                if model.design is None
                else {
                    "file": _file_of(study, at),
                    "endog": model.design.endog_name,
                    "exog": list(model.design.exog_names),
                },
            }
            for at, model in enumerate(study.models)
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
    }


def _model(entry: dict[str, Any], folder: Path) -> PlannedModel:
    spec = Model.model_validate(entry["spec"])
    design = entry["design"]
    return PlannedModel(
        name=spec.name,
        spec=spec,
        columns=tuple(entry["columns"]),
        engine=entry["engine"],
        reason=entry["reason"],
        design=None
        if design is None
        else Design(
            endog=_array(_endog(folder, design["file"])),
            exog=_array(_exog(folder, design["file"])),
            endog_name=design["endog"],
            exog_names=tuple(design["exog"]),
        ),
        design_reason=entry["designReason"],
    )
