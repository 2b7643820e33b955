"""The mixed model without loops over groups is statsmodels' mixed model."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from engines.handmade import columns_of, rows_of, study_of
from modelrun.engines import naive
from modelrun.engines.mixed_arrays import array_class

pytestmark = pytest.mark.filterwarnings("ignore")


def panel(seed: int, *, slope: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 15, 25)
    firm = np.repeat(np.arange(25), sizes)
    data = pd.DataFrame({"firm": firm, "x": rng.normal(size=len(firm)) + 10})
    data["z"] = rng.normal(size=len(firm))
    data["y"] = 5 + data.x + 1.5 * rng.normal(size=25)[firm] + rng.normal(size=len(firm))
    if slope:
        data["y"] += data.z * rng.normal(size=25)[firm]
    return data.sample(frac=1, random_state=seed).reset_index(drop=True)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("slope", [True, False])
def test_likelihood_and_gradient_are_those_of_statsmodels(slope: bool, reml: bool) -> None:
    data = panel(1, slope=True)
    exog = np.column_stack([np.ones(len(data)), data.x, data.z])
    effects = exog[:, [0, 2]] if slope else None
    values = []
    for kind in (MixedLM, array_class()):
        model = kind(data.y.to_numpy(), exog, groups=data.firm.to_numpy(), exog_re=effects)
        model.reml, model._cov_sing, model._freepat, model.cov_pen = reml, 0, None, None
        packed = np.array([1.2, 0.3, 0.7]) if slope else np.array([1.2])
        values.append([model.loglike(packed), *model.score(packed)])
    np.testing.assert_allclose(values[1], values[0], rtol=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("effects", [0, 1, 2])
def test_second_derivatives_are_those_of_statsmodels(effects: int, reml: bool) -> None:
    data = panel(2, slope=True)
    exog = np.column_stack([np.ones(len(data)), data.x, data.z])
    wanted = [[0], [0, 2], [0, 2, 1]][effects]
    cov = np.array([[1.2, 0.3, 0.1], [0.3, 0.7, -0.2], [0.1, -0.2, 0.4]])[: effects + 1]
    packed = np.concatenate([[4.0, 1.1, 0.2], cov[np.tril_indices(effects + 1)]])
    values = []
    for kind in (MixedLM, array_class()):
        model = kind(
            data.y.to_numpy(), exog, groups=data.firm.to_numpy(), exog_re=exog[:, wanted],
            use_sqrt=False,
        )  # fmt: skip
        model.reml, model.cov_pen = reml, None
        values.append(model.hessian(packed))
    (theirs, their_flag), (ours, flag) = values
    assert ours.shape == theirs.shape
    assert flag == their_flag
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "spec",
    [
        {"init": {"groups": {"column": "firm"}}},
        {"init": {"groups": {"column": "firm"}}, "fit": {"reml": False}},
        {"init": {"groups": {"column": "firm"}, "re_formula": "~z"}},
    ],
)
def test_estimates_and_errors_are_those_of_statsmodels(spec: dict, seed: int) -> None:
    data = panel(seed, slope="re_formula" in spec["init"])
    data.loc[[3, 9], "x"] = np.nan
    data["firm"] = data.firm.astype(float)
    data.loc[12, "firm"] = np.nan
    model = {"name": "m", "estimator": "MixedLM", "formula": "y ~ x + z", **spec}
    study = study_of(data, model, fits=("nobs", "log_lik"))
    (row,) = rows_of(study)
    reference = naive.fit(study, study.models[0], 0)
    ours = columns_of(row)
    error = np.asarray(reference.bse)
    size = np.fmax(np.abs(reference.params), error)
    assert np.all(np.abs(ours["estimate"] - reference.params) <= 1e-8 * size)
    np.testing.assert_allclose(ours["std_error"], error, rtol=1e-8)
    assert row["nobs"] == reference.nobs
    assert row["log_lik"] == pytest.approx(reference.llf, abs=1e-9 * row["nobs"])


def test_variance_components_go_to_statsmodels_own_methods() -> None:
    data = panel(5).assign(room=lambda d: d.firm * 10 + np.arange(len(d)) % 2)
    spec = {
        "name": "m",
        "estimator": "MixedLM",
        "formula": "y ~ x",
        "init": {"groups": {"column": "firm"}, "vc_formula": {"room": "0 + C(room)"}},
    }
    study = study_of(data, spec, fits=())
    (row,) = rows_of(study)
    reference = naive.fit(study, study.models[0], 0)
    np.testing.assert_allclose(columns_of(row)["estimate"], reference.params, rtol=1e-8)
    assert row["coefficients"][-1]["component"] == "variance"
