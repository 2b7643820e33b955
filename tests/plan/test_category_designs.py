"""Designs with categories, built once, are what patsy builds for each slice; else they are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import patsy
import pyarrow as pa
import pytest

from modelrun.plan import build
from modelrun_api.spec import ModelRunSpec


def frame_of() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    months = pd.date_range("2001-01-01", periods=48, freq="MS")
    parts = [
        pd.DataFrame(
            {
                "firm": firm,
                "date": months,
                "month": months.month,
                "side": np.where(np.arange(48) % 3, "left", "right"),
                "rare": np.where(np.arange(48) == 20, "odd", "even"),
                "flag": rng.random(48) > 0.5,
                "y": rng.normal(size=48),
                "x": rng.normal(size=48),
            }
        )
        for firm in ("a", "b")
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["kind"] = pd.Categorical(frame["rare"], ["even", "odd", "never"])
    frame.loc[[4, 60], "x"] = np.nan
    frame.loc[7, "side"] = None
    return frame


FRAME = frame_of()


def planned(folder: Path, formula: str, **slices: object):
    spec = ModelRunSpec.model_validate(
        {
            "data": {"dataset": "french"},
            "models": [{"name": "m", "estimator": "OLS", "formula": formula}],
            "slices": {"by": ["firm"], "window": {"column": "date", "size": 24}, **slices},
        }
    )
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    return build.build(spec, table, folder=folder).study


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + C(month)",
        "y ~ x*side",
        "y ~ 0 + side + x:side",
        "y ~ C(month, Sum) + side",
        "y ~ C(side, Treatment(reference='right')) + x",
        "y ~ flag + x",
        "y ~ I(x > 0) + x",
        "y ~ C(x > 0) + flag:x",
        "y ~ kind + x",
        "y ~ C(rare, levels=['even', 'odd']) + x",
    ],
)
def test_levels_that_every_slice_holds_make_one_design(tmp_path: Path, formula: str) -> None:
    study = planned(tmp_path, formula)
    model = study.models[0]
    assert model.design is not None, model.design_reason
    ordered = FRAME.sort_values(["firm", "date"]).reset_index(drop=True)
    slices = study.slices
    for at in (0, 3, 11, 24, 30, 49):
        start, stop = int(slices.start[at]), int(slices.stop[at])
        part = ordered.iloc[start:stop].astype({"side": object, "rare": object})
        endog, exog = patsy.dmatrices(formula, part, return_type="dataframe")
        assert list(exog.columns) == list(model.design.exog_names)
        ours = model.design.exog(slice(start, stop))
        kept = ~np.isnan(ours).any(axis=1) & ~np.isnan(model.design.endog[start:stop])
        assert (np.flatnonzero(kept) + start).tolist() == exog.index.tolist()
        np.testing.assert_array_equal(ours[kept], exog.to_numpy())
        np.testing.assert_array_equal(model.design.endog[start:stop][kept], endog.to_numpy()[:, 0])


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("y ~ rare + x", "slices lack one of its levels"),
        ("y ~ C(rare)", "slices lack one of its levels"),
        ("y ~ side + center(x)", "more than one row"),
        ("y ~ side.str.upper()", "more than one row"),
        ("flag ~ x", "category"),
    ],
)
def test_other_categories_are_built_per_slice(tmp_path: Path, formula: str, reason: str) -> None:
    study = planned(tmp_path, formula)
    assert study.models[0].design is None
    assert reason in study.models[0].design_reason


def test_replicates_may_lack_a_level_but_not_of_a_categorical(tmp_path: Path) -> None:
    resample = {"method": "pairs", "replicates": 5, "seed": 1}
    text = planned(tmp_path / "text", "y ~ side", resample=resample).models[0]
    assert text.design is None
    assert "replicate may lack" in text.design_reason
    assert planned(tmp_path / "kind", "y ~ kind", resample=resample).models[0].design is not None
    assert planned(tmp_path / "flag", "y ~ flag", resample=resample).models[0].design is not None
