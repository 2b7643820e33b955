"""Studies with rows at hand: of a study whose rows stay in their file, piece after piece.

A piece has the rows of one block of the file, or of a slice that lies in two blocks. It is a study
like any other, of the same slices and models, so that whoever fits knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.datasets.parquet_rows import Reader
from modelrun.plan import design, formula
from modelrun.plan.study import PlannedModel, Study

Ints = npt.NDArray[np.int64]


def pieces(study: Study, model: int, fits: Ints) -> Iterator[tuple[Study, Ints]]:
    """Yield studies that have the rows of some slices, and which slices those are.

    Args:
        study: Any study; one whose rows are in its panel is the only piece.
        model: The model that is wanted; others of the piece have no design.
        fits: Slices, shape (n,); each comes once, those of ascending slices in their order.

    Yields:
        A study, and places in `fits`, ascending where `fits` are.

    Raises:
        InfrastructureError: The file was changed.
        UserMistake: It cannot be decoded.
    """
    if study.resting is None:
        yield study, np.arange(len(fits))
        return
    order = np.argsort(fits, kind="stable")
    base = study.slices.base(fits[order])
    edges = np.array(study.resting.edges)
    start, stop = study.slices.start[base], study.slices.stop[base]
    first = np.searchsorted(edges, start, side="right")
    last = np.searchsorted(edges, stop, side="left")
    cuts = np.flatnonzero((first[1:] != first[:-1]) | (last[1:] != last[:-1])) + 1
    reader = Reader(study.resting)
    for at in np.split(np.arange(len(fits)), cuts):
        if len(at):
            low, high = int(start[at].min()), int(stop[at].max())
            yield _with(study, model, reader.between(low, high), low), order[at]


def _with(study: Study, number: int, rows: pa.Table, first: int) -> Study:
    """Return the study with some rows as its panel, the first of which is row `first` of all."""
    models = list(study.models)
    models[number] = _designed(models[number], rows)
    slices = study.slices
    return replace(
        study,
        models=tuple(models),
        slices=replace(slices, start=slices.start - first, stop=slices.stop - first),
        panel=rows,
        resting=None,
    )


def _designed(model: PlannedModel, rows: pa.Table) -> PlannedModel:
    if model.design is None:
        return model
    assert model.spec.formula is not None
    return replace(model, design=design.build(formula.plain(model.spec.formula), rows))
