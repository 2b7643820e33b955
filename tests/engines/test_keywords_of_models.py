"""Names and keywords are judged before anything is fitted, with the nearest valid one."""

import inspect
from typing import Any

import pytest

from modelrun.engines import preflight
from modelrun.engines.estimators import ESTIMATORS, estimator
from modelrun.errors import UserMistake
from modelrun_api.spec import Model
from support.imports import imported


def judged(**spec: Any) -> None:
    preflight.check(Model.model_validate({"name": "m", **spec}), field="spec.models[0]")


F = {"formula": "y ~ x"}


@pytest.mark.parametrize(
    ("spec", "words", "field"),
    [
        ({"estimator": "OSL", **F}, "did you mean OLS", "estimator"),
        ({"estimator": "ols", **F}, "did you mean OLS", "estimator"),
        ({"estimator": "negative_binomial", **F}, "did you mean NegativeBinomial", "estimator"),
        ({"estimator": "OLS", **F, "fit": {"covtype": "HC1"}}, "did you mean cov_type", "fit"),
        ({"estimator": "WLS", **F, "init": {"weight": 1}}, "did you mean weights", "init.weight"),
        ({"estimator": "QuantReg", **F, "fit": {"quantile": 0.5}}, "kernel", "fit.quantile"),
        ({"estimator": "MixedLM", **F}, "needs init: {groups: {column: firm}}", "init"),
        (
            {"estimator": "GLM", **F, "init": {"family": "Poison"}},
            "did you mean Poisson",
            "init",
        ),
        (
            {"estimator": "GLM", **F, "init": {"family": {"family": "Gamma", "link": "log"}}},
            "did you mean Log",
            "init",
        ),
        ({"estimator": "ARIMA", **F}, "takes columns", "formula"),
        ({"estimator": "OLS", "endog": "y"}, "takes a formula", "endog"),
        ({"estimator": "Holt", "endog": "y", "exog": ["x"]}, "leave exog out", "exog"),
        (
            {"estimator": "ARIMA", "endog": "y", "init": {"orders": [1, 0, 0]}},
            "did you mean order",
            "init.orders",
        ),
    ],
)
def test_a_mistake_names_the_place_and_the_nearest(
    spec: dict[str, Any], words: str, field: str
) -> None:
    with pytest.raises(UserMistake) as caught:
        judged(**spec)
    assert words in str(caught.value)
    assert caught.value.field is not None
    assert caught.value.field.startswith(f"spec.models[0].{field}")


@pytest.mark.parametrize(
    "spec",
    [
        {"estimator": "OLS", **F, "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 6}}},
        {"estimator": "GLM", **F, "init": {"family": {"family": "Tweedie", "var_power": 1.5}}},
        {"estimator": "Logit", **F, "fit": {"method": "bfgs", "gtol": 1e-8, "cov_type": "HC0"}},
        {"estimator": "RLM", **F, "init": {"M": {"M": "HuberT", "t": 1.3}}},
        {
            "estimator": "MixedLM",
            **F,
            "init": {"groups": {"column": "g"}, "re_formula": "~x"},
            "fit": {"reml": False, "method": "bfgs"},
        },
        {"estimator": "ARIMA", "endog": "y", "init": {"order": [1, 0, 0]}},
        {"callable": "mine:fit", "kwargs": {"anything": 1}},
    ],
)
def test_what_statsmodels_takes_is_accepted(spec: dict[str, Any]) -> None:
    judged(**spec)


@pytest.mark.parametrize("name", sorted(preflight.FAST))
def test_keywords_known_without_statsmodels_are_those_that_it_has(name: str) -> None:
    init, fit = preflight.FAST[name]
    klass = ESTIMATORS[name].load()
    own = set(inspect.signature(klass.__init__).parameters) - {"self", "endog", "exog", "kwargs"}
    assert own - init <= {"weights"}  # OLS takes weights only to warn that it does not
    own = set(inspect.signature(klass.fit).parameters) - {"self", "kwargs", "callback"}
    assert own <= fit


@pytest.mark.parametrize("name", sorted(preflight.USUAL))
def test_usual_keywords_are_among_those_of_the_signatures(name: str) -> None:
    init, fit = preflight.known(ESTIMATORS[name])
    assert preflight.USUAL[name][0] <= init
    assert preflight.USUAL[name][1] <= fit


def test_a_usual_file_is_judged_without_statsmodels() -> None:
    code = (
        "from modelrun.engines import preflight\n"
        "from modelrun_api.spec import Model\n"
        "glm = {'family': {'family': 'Gamma', 'link': 'Log'}}\n"
        "for spec in ({'estimator': 'GLM', 'formula': 'y ~ x', 'init': glm},\n"
        "             {'estimator': 'ARIMA', 'endog': 'y', 'init': {'order': [1, 0, 0]}}):\n"
        "    preflight.check(Model(name='m', **spec), field='f')\n"
    )
    assert imported(code, "statsmodels", "pandas", "scipy", "patsy") == set()


def test_an_unknown_estimator_says_what_else_can_be_done() -> None:
    with pytest.raises(UserMistake, match="callable: 'module:function'"):
        estimator("RandomForest")
