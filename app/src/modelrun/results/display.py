"""How summaries and comparisons look on a terminal; the numbers are made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from modelrun.results.difference import Difference
    from modelrun.results.summary import Summary

MOST_TERMS = 40


def summary(said: Summary) -> Group:
    """Return a summary as rich prints it."""
    counts = said.fits
    title = Text()
    title.append(said.study or said.location, style="bold")
    title.append(f"  {counts.get('total', 0):,} fits")
    if said.seconds is not None:
        title.append(f" in {said.seconds:,.1f} s")
    if not said.complete:
        title.append("  not complete: run.json is not there", style="yellow")
    parts: list[Text | Table] = [title]
    parts.append(Text(", ".join(f"{n:,} {w}" for w, n in counts.items() if n and w != "total")))
    if len(said.models) > 1:
        parts += [Text(), _models(said)]
    if said.terms:
        parts += [Text(), _terms(said)]
    if said.failures:
        parts += [Text(), _failures(said)]
    if said.audit:
        parts += [Text(), Text(said.audit)]
    names = [name.rsplit("/", 1)[-1] for name in said.files]
    parts += [Text(), Text(f"in {said.location}/", overflow="fold")]
    parts.append(Text("   ".join(names), style="dim"))
    return Group(*parts)


def difference(said: Difference) -> Group:
    """Return a comparison as rich prints it."""
    parts: list[Text | Table] = [
        Text(f"left   {said.left}"),
        Text(f"right  {said.right}"),
        Text(),
        Text("the same fits and the same numbers" if said.equal else _sentence(said), "bold"),
    ]
    for side, part in (("left", said.only_left), ("right", said.only_right)):
        if part.count:
            parts.append(Text(f"{part.count:,} fits only {side}, such as {part.examples[0]}"))
    if said.status.count:
        parts.append(
            Text(f"{said.status.count:,} fits ended otherwise, such as {said.status.examples[0]}")
        )
    if said.columns:
        table = _table("column", "rows", "largest", "relative")
        for column in said.columns:
            sizes = (_number(column.largest), _number(column.relative))
            table.add_row(f"{column.table}.{column.column}", f"{column.rows:,}", *sizes)
        parts += [Text(), table, Text()]
        parts += [Text(f"{column.column}: {column.where}") for column in said.columns]
    return Group(*parts)


def _sentence(said: Difference) -> str:
    return f"{said.both:,} fits in both; they differ as follows"


def _models(said: Summary) -> Table:
    statuses = list(next(iter(said.models.values())))
    table = _table("model", *statuses)
    for model, counts in said.models.items():
        table.add_row(model, *(f"{counts[status]:,}" for status in statuses))
    return table


def _terms(said: Summary) -> Table:
    several = ("model",) if len(said.models) > 1 else ()
    table = _table(*several, "term", "fits", "median", "2.5 %", "97.5 %", "sd", "p < 0.05")
    table.caption = "across fits: a spread of estimates, not a confidence interval"
    for term in said.terms[:MOST_TERMS]:
        name = f"{term.component}: {term.term}" if term.component else term.term
        share = "" if term.significant is None else f"{100 * term.significant:.1f} %"
        numbers = (term.median, term.low, term.high, term.sd)
        model = (term.model,) if several else ()
        table.add_row(*model, name, f"{term.fits:,}", *map(_number, numbers), share)
    if len(said.terms) > MOST_TERMS:
        table.add_row(*["…"] * len(several), f"and {len(said.terms) - MOST_TERMS:,} more")
    return table


def _failures(said: Summary) -> Table:
    table = _table("failed because of", "fits", "such as")
    table.columns[2].justify = "left"
    for failing in said.failures:
        table.add_row(failing.reason, f"{failing.count:,}", failing.example[:160])
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for at, title in enumerate(titles):
        left = at == 0 or title == "term"
        # Rich takes width from names first: only numbers keep theirs without being told.
        whole = title in {"model", "term", "fits"}
        table.add_column(title, justify="left" if left else "right", overflow="fold", no_wrap=whole)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
