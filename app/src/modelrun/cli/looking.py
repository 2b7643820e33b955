"""The commands that show what is there: results of a run, its report, the bundled data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def results(folder: str, *, diff: str | None, csv: Path | None, as_json: bool) -> int:
    """Show a results folder, compare it with another, or export its tables."""
    if diff is not None:
        from modelrun.results.difference import compare

        difference = compare(folder, diff)
        _show(difference, as_json=as_json)
        return 0
    if csv is not None:
        from modelrun.results.export import export_csv

        written = export_csv(folder, csv)
        if as_json:
            print(json.dumps([str(path) for path in written]))
        else:
            for path in written:
                print(path)
        return 0
    from modelrun.results.summary import summarise

    _show(summarise(folder), as_json=as_json)
    return 0


def report(folder: str, *, html: bool, pdf: bool) -> int:
    """Draw the report again."""
    if not (html or pdf):
        return 0
    from modelrun.reporting import drawing

    with drawing(folder, html=html, pdf=pdf) as draw:
        for path in draw(None):
            print(path)
    return 0


def datasets(name: str | None, *, as_json: bool) -> int:
    """Describe the bundled data, or one set of it."""
    from modelrun import datasets as bundled

    described = bundled.catalog() if name is None else (bundled.describe(name),)
    if as_json:
        documents = [
            {
                "name": entry.name,
                "title": entry.title,
                "rows": entry.rows,
                "columns": list(entry.columns),
                "source": entry.source,
                "licence": entry.licence,
            }
            for entry in described
        ]
        print(json.dumps(documents, indent=2, ensure_ascii=False))
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if name is not None:
        entry = described[0]
        console.print(f"[bold]{entry.name}[/bold]: {entry.title}", soft_wrap=True)
        console.print(f"{entry.rows:,} rows; columns: {', '.join(entry.columns)}", soft_wrap=True)
        console.print(f"source: {entry.source}\nlicence: {entry.licence}", soft_wrap=True)
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (("name", "left"), ("rows", "right"), ("columns", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for entry in described:
        table.add_row(entry.name, f"{entry.rows:,}", str(len(entry.columns)), entry.title)
    console.print(table)
    console.print(f"\nmodelrun datasets {described[0].name}: its columns, source and licence")
    return 0


def _show(value: Any, *, as_json: bool) -> None:
    if as_json:
        json.dump(value.document(), sys.stdout, indent=2, ensure_ascii=False, default=str)
        print()
        return
    from rich.console import Console

    Console(highlight=False).print(value)
