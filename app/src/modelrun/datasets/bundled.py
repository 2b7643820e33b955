"""Real data that comes with the installed packages, for examples and tests.

`french` is a long form of the Kenneth French portfolios that linearmodels ships; the others are
the sets of statsmodels under that package's names and columns. The files are read where the
packages keep them, without importing the packages.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.errors import UserMistake
from modelrun.nearest import suggestion

_FACTORS = {"MktRF": "mkt", "SMB": "smb", "HML": "hml", "Mom": "mom", "RF": "rf"}

_SEPARATORS = {"anes96": "\t", "spector": " ", "modechoice": ";"}
_FILES = {"danish_data": "data.csv", "interest_inflation": "E6.csv", "scotland": "scotvote.csv"}
_FIRST_COLUMN_DROPPED = frozenset(
    {"committee", "copper", "cpunish", "longley", "scotland", "spector"}
)
_AS_THEY_ARE = frozenset(
    {"china_smoking", "engel", "fertility", "grunfeld", "heart", "randhie", "statecrime", "star98"}
)
_OF_STATSMODELS = [
    "anes96",
    "cancer",
    "ccard",
    "china_smoking",
    "co2",
    "committee",
    "copper",
    "cpunish",
    "danish_data",
    "elec_equip",
    "elnino",
    "engel",
    "fair",
    "fertility",
    "grunfeld",
    "heart",
    "interest_inflation",
    "longley",
    "macrodata",
    "modechoice",
    "nile",
    "randhie",
    "scotland",
    "spector",
    "stackloss",
    "star98",
    "statecrime",
    "strikes",
    "sunspots",
]


@dataclass(frozen=True, slots=True)
class Description:
    """What `modelrun datasets` says about one set."""

    name: str
    title: str
    rows: int
    columns: tuple[str, ...]
    source: str
    """Where the data come from."""

    licence: str
    """Under which terms, in a sentence."""


def names() -> tuple[str, ...]:
    """Return the names of all sets."""
    return ("french", *_OF_STATSMODELS)


def load(name: str, *, field: str = "spec.data.dataset") -> pa.Table:
    """Return a bundled set.

    Raises:
        UserMistake: There is no such set, or the package that ships it is not installed.
    """
    if name not in names():
        raise UserMistake(
            f"there is no bundled dataset {name!r}; {suggestion(name, names(), shown=40)} "
            "(`modelrun datasets` describes them)",
            field=field,
        )
    return french() if name == "french" else _of_statsmodels(name)


def describe(name: str) -> Description:
    """Describe one set; it is read for that."""
    table = load(name)
    if name == "french":
        return Description(
            name=name,
            title="Monthly returns of 30 US portfolios and the factors of Fama, French and Carhart",
            rows=table.num_rows,
            columns=tuple(table.column_names),
            source="Kenneth R. French's data library, 1949-2017, as shipped by linearmodels",
            licence="Data of Kenneth R. French, free for research; read from the linearmodels "
            "package (NCSA licence).",
        )
    words = _documentation(name)
    return Description(
        name=name,
        title=" ".join(words.get("TITLE", name).split()),
        rows=table.num_rows,
        columns=tuple(table.column_names),
        source=" ".join(words.get("SOURCE", "").split()) or "statsmodels",
        licence=_licence(words.get("COPYRIGHT", "")),
    )


@cache
def french() -> pa.Table:
    """Return the French portfolios in long form, one row per portfolio and month.

    Columns: `date` (first day of the month), `portfolio` (30 names of the package), `group`
    (industry, value, momentum), `ret` (return), `excess` (return less the risk-free rate), and the
    factors `mkt` (market less risk-free), `smb`, `hml`, `mom`, `rf`. All are fractions per month.
    """
    from pyarrow import csv as arrow_csv

    path = _package_file("linearmodels", "datasets/french/french.csv.bz2")
    with pa.input_stream(str(path), compression="bz2") as stream:
        wide = arrow_csv.read_csv(stream)
    portfolios = [name for name in wide.column_names if name not in {"dates", *_FACTORS}]
    months, count = wide.num_rows, len(portfolios)
    returns = np.concatenate([arrays.floats(wide.column(name)) for name in portfolios])
    factors = {
        ours: np.tile(arrays.floats(wide.column(theirs)), count)
        for theirs, ours in _FACTORS.items()
    }
    dates = arrays.to_numpy(wide.column("dates")).astype("datetime64[us]")
    groups = {"S": {"V": "value", "M": "momentum"}}
    kinds = [groups["S"][name[2]] if _is_sorted(name) else "industry" for name in portfolios]
    columns: dict[str, pa.Array] = {
        "date": arrays.from_numpy(np.tile(dates, count)),
        "portfolio": arrays.repeated(portfolios, months),
        "group": arrays.repeated(kinds, months),
        "ret": arrays.from_numpy(returns),
        "excess": arrays.from_numpy(returns - factors["rf"]),
        **{name: arrays.from_numpy(values) for name, values in factors.items()},
    }
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def _is_sorted(name: str) -> bool:
    """Return whether a portfolio is sorted by size and value or momentum, like S1V5."""
    return len(name) == 4 and name[0] == "S" and name[1].isdigit() and name[2] in "VM"


@cache
def _of_statsmodels(name: str) -> pa.Table:
    from pyarrow import csv

    path = _package_file("statsmodels", f"datasets/{name}/{_FILES.get(name, name + '.csv')}")
    quote = "'" if name in ("anes96", "spector") else '"'
    table = csv.read_csv(
        path,
        parse_options=csv.ParseOptions(delimiter=_SEPARATORS.get(name, ","), quote_char=quote),
        convert_options=csv.ConvertOptions(
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    )
    if name in _FIRST_COLUMN_DROPPED:
        table = table.remove_column(0)
    columns = {
        column.strip(): _column(table.column(column), exact=name in _AS_THEY_ARE)
        for column in table.column_names
    }
    if name in _SPECIAL:
        columns = _SPECIAL[name](columns)
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def _column(column: pa.ChunkedArray, *, exact: bool) -> pa.Array:
    """Return words, or numbers with NaN where there is none; whole numbers only if `exact`."""
    array = column.combine_chunks()
    if pa.types.is_string(array.type) or (exact and pa.types.is_integer(array.type)):
        return array
    return arrays.from_numpy(arrays.floats(array.cast(pa.float64())))


Columns = dict[str, pa.Array]


def _anes96(columns: Columns) -> Columns:
    population = arrays.to_numpy(columns["popul"])
    return {**columns, "logpopul": arrays.from_numpy(np.log(population + 0.1))}


def _co2(columns: Columns) -> Columns:
    weeks = np.datetime64("1958-03-29") + 7 * np.arange(len(columns["co2"]))
    return {"date": _dates(weeks), "co2": columns["co2"]}


def _danish(columns: Columns) -> Columns:
    quarters = [
        f"{text[:4]}-{int(text[5]) * 3 - 2:02d}-01" for text in columns["period"].to_pylist()
    ]
    return {**columns, "period": _dates(np.array(quarters, dtype="datetime64[D]"))}


def _elec_equip(columns: Columns) -> Columns:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    parts = [text.split("-") for text in columns["DATE"].to_pylist()]
    days = [f"{year}-{months.index(month) + 1:02d}-{int(day):02d}" for month, day, year in parts]
    return {**columns, "DATE": _dates(np.array(days, dtype="datetime64[D]"))}


def _star98(columns: Columns) -> Columns:
    """Return successes and failures as statsmodels derives them."""
    values = {name: arrays.to_numpy(array) for name, array in columns.items()}
    tested, above = values.pop("MATHTOT"), values.pop("PR50M")
    derived: dict[str, npt.NDArray[np.float64]] = {"NABOVE": above, "NBELOW": tested - above}
    return {name: arrays.from_numpy(array) for name, array in {**derived, **values}.items()}


def _dates(days: npt.NDArray[np.datetime64]) -> pa.Array:
    return arrays.from_numpy(days.astype("datetime64[us]"))


_SPECIAL: dict[str, Callable[[Columns], Columns]] = {
    "anes96": _anes96,
    "co2": _co2,
    "danish_data": _danish,
    "elec_equip": _elec_equip,
    "star98": _star98,
}


def _package_file(package: str, path: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / path).is_file():
        raise UserMistake(
            f"the bundled data lie in the {package} package, which does not ship {path} in this "
            f"installation; install it again: pip install --force-reinstall {package}"
        )
    return Path(spec.origin).parent / path


def _documentation(name: str) -> dict[str, str]:
    """Return the texts that statsmodels keeps beside a set, read without importing them."""
    tree = ast.parse(_package_file("statsmodels", f"datasets/{name}/data.py").read_text("utf-8"))
    words: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                words[node.targets[0].id] = node.value.value
            elif isinstance(node.value, ast.Name) and node.value.id == "__doc__":
                words[node.targets[0].id] = ast.get_docstring(tree) or ""
    return words


def _licence(copyright_text: str) -> str:
    words = " ".join(copyright_text.split())
    if len(words) < 10:
        return "statsmodels ships it without a statement; see its documentation."
    return words if words.endswith(".") else words + "."
