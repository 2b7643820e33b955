"""Bundled sets equal what the packages that ship them load."""

import importlib
import warnings

import numpy as np
import pandas as pd
import pytest

from modelrun import datasets
from modelrun.datasets import bundled
from support.imports import imported

WITH_INDEX = {
    "china_smoking": "Location",
    "co2": "date",
    "danish_data": "period",
    "elec_equip": "DATE",
    "statecrime": "state",
}


@pytest.mark.parametrize("name", [name for name in datasets.names() if name != "french"])
def test_a_set_of_statsmodels_has_that_package_s_columns_and_values(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(f"statsmodels.datasets.{name}.data")
        theirs = module.load_pandas().data
    if name in WITH_INDEX:
        theirs = theirs.rename_axis(WITH_INDEX[name]).reset_index()
    ours = bundled.load(name).to_pandas()
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_exact=True)


def test_french_is_the_wide_file_of_linearmodels_in_long_form() -> None:
    from linearmodels.datasets import french

    wide = french.load()
    long = bundled.french().to_pandas()
    assert list(long.columns) == [
        "date", "portfolio", "group", "ret", "excess", "mkt", "smb", "hml", "mom", "rf",
    ]  # fmt: skip
    assert len(long) == 819 * 30
    back = long.pivot(index="date", columns="portfolio", values="ret")
    for name in back.columns:
        np.testing.assert_array_equal(back[name].to_numpy(), wide[name].to_numpy())
    one = long[long.portfolio == "S1V1"]
    np.testing.assert_array_equal(one.mkt.to_numpy(), wide.MktRF.to_numpy())
    np.testing.assert_array_equal(one.excess.to_numpy(), (wide.S1V1 - wide.RF).to_numpy())
    assert set(long.groupby("portfolio").group.first().value_counts().items()) == {
        ("industry", 12), ("value", 9), ("momentum", 9),
    }  # fmt: skip


def test_the_catalog_describes_every_set() -> None:
    for description in datasets.catalog():
        assert description.rows > 0
        assert description.columns
        assert description.title
        assert description.source
        assert description.licence.endswith(".")


def test_reading_a_set_imports_neither_pandas_nor_the_package_that_ships_it() -> None:
    program = (
        "from pathlib import Path; from modelrun import datasets\n"
        "from modelrun_api.spec import Data\n"
        "datasets.read(Data(dataset='french', where=\"date >= '1990-01-01' and mkt > 0\"),"
        " base=Path('.'), columns=['excess'])\n"
        "datasets.read(Data(dataset='randhie'), base=Path('.'), columns=['mdvis'])\n"
    )
    assert imported(program, "pandas", "statsmodels", "linearmodels", "scipy") == set()
