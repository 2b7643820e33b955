"""The command `modelrun fit`: one fit the naive way, to see why it ends as it does."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from modelrun.engines import naive
from modelrun.errors import UserMistake
from modelrun.plan.build import Plan
from modelrun.plan.near import pieces
from modelrun.preparing import prepare
from modelrun_api.loader import load


def fit(key: str, file: Path, *, pdb: bool) -> int:
    """Run one fit in this process and print what it returns, or where it fails."""
    loaded = load(file)
    with tempfile.TemporaryDirectory(prefix="modelrun-") as scratch:
        prepared = prepare(
            loaded,
            base=file.absolute().parent,
            folder=Path(scratch) / "study",
            environment=os.environ,
        )
        plan = prepared.plan
        number = find(plan, key)
        at, index = divmod(number, len(plan.study.slices))
        study, _ = next(pieces(plan.study, at, np.array([index])))
        print(f"{study.models[at].name} · {describe(plan, number)}\n")
        try:
            result = naive.fit(study, study.models[at], index)
        except Exception:
            if pdb:
                import pdb as debugger  # noqa: T100 - what --pdb asks for
                import sys

                traceback.print_exc()
                debugger.post_mortem(sys.exc_info()[2])
                return 3
            traceback.print_exc()
            return 3
    print(_shown(result))
    return 0


def find(plan: Plan, key: str) -> int:
    """Return the number of the fit whose key begins with these characters.

    Raises:
        UserMistake: There is none, or more than one.
    """
    text = key.strip().lower()
    if not text or any(letter not in "0123456789abcdef" for letter in text) or len(text) > 32:
        raise UserMistake(
            f"{key!r} is no fit_key: it has up to 32 hexadecimal digits; take one from the column "
            "fit_key of fits.parquet or failures.parquet"
        )
    high, low = text[:16], text[16:]
    found = _begin_with(plan.key_hi, high)
    if low:
        found &= _begin_with(plan.key_lo, low)
    places = np.flatnonzero(found)
    if len(places) == 1:
        return int(places[0])
    if len(places):
        raise UserMistake(f"{len(places):,} fits begin with {key}; give more characters")
    raise UserMistake(
        f"no fit of this file has a key that begins with {key}: the data, the file or package "
        "versions are others than when the key was made"
    )


def _begin_with(lane: Any, text: str) -> Any:
    shift = np.uint64(4 * (16 - len(text)))
    wanted = np.uint64(int(text, 16))
    return lane >> shift == wanted


def describe(plan: Plan, number: int) -> str:
    """Return the labels of a fit in words: portfolio=S1V1 · 1949-07-01 to 1954-06-01."""
    study = plan.study
    at = np.array([number % len(study.slices)])
    base = int(study.slices.base(at)[0])
    group = int(study.slices.group[base])
    words = [f"{name}={study.groups[name][group]}" for name in study.groups.column_names]
    if study.window_column is not None:
        column = study.panel[study.window_column]
        first, last = (
            column[int(rows[base])] for rows in (study.slices.window_start, study.slices.window_end)
        )
        words.append(" to ".join(str(end).removesuffix(" 00:00:00") for end in (first, last)))
    if study.slices.replicates:
        words.append(f"replicate {int(study.slices.replicate(at)[0])}")
    return " · ".join(words) or "all rows"


def _shown(result: Any) -> str:
    summary = getattr(result, "summary", None)
    if callable(summary):
        try:
            return str(summary())
        except Exception:  # a summary that fails must not hide the result
            return repr(getattr(result, "params", result))
    return repr(result)
