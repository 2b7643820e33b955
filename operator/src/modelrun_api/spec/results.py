"""What is computed and kept: only what is asked for."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modelrun_api.spec.data import Location
from modelrun_api.wire import ColumnName, Rule, Wire, refused, words

CoefficientColumn = Literal[
    "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "p_adjusted"
]

FitColumn = Literal[
    "nobs",
    "df_model",
    "df_residual",
    "r_squared",
    "adj_r_squared",
    "pseudo_r_squared",
    "sigma",
    "f_statistic",
    "f_p_value",
    "log_lik",
    "log_lik_null",
    "aic",
    "bic",
    "deviance",
    "null_deviance",
    "pearson_chi2",
    "iterations",
    "condition_number",
    "converged",
]

ObservationColumn = Literal["fitted", "resid", "conf_low", "conf_high", "pred_low", "pred_high"]

AdjustMethod = Literal["bonferroni", "holm", "fdr_bh", "fdr_by"]


class Adjust(Wire):
    """Multiple testing across the fits: the column p_adjusted."""

    method: AdjustMethod = "fdr_bh"
    """statsmodels' name of the method."""

    within: Annotated[list[ColumnName], Field(min_length=1, max_length=16)] = ["model", "term"]
    """Columns of the coefficients table whose combinations are the families of tests."""


class Report(Wire):
    """Which reports are drawn."""

    html: bool = True
    """A self-contained page, readable offline."""

    pdf: bool = True
    """The same for print."""


class Results(Wire):
    """What is computed and kept."""

    rules = (
        Rule(
            "!has(self.coefficients) || !('p_adjusted' in self.coefficients) || has(self.adjust)",
            "coefficients asks for p_adjusted: say how in adjust",
            ".adjust",
        ),
    )

    to: Location | None = None
    """Where results go. By default results/<name>/ on a laptop and
    <resultsPrefix>/<namespace>/<name> of the profile on a cluster."""

    reuse_from: Annotated[list[Location], Field(max_length=16)] = []
    """Locations of other studies, read only: finished fits are taken over where keys agree."""

    coefficients: Annotated[list[CoefficientColumn], Field(max_length=16)] = [
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
    ]
    """Columns of coefficients.parquet."""

    conf_level: Annotated[
        str,
        words(r"^0\.[0-9]{0,5}[1-9]$", 'a decimal number between 0 and 1 as text, such as "0.95"'),
    ] = "0.95"
    """The level of confidence intervals, as a decimal text."""

    adjust: Adjust | None = None
    """Multiple testing across the fits; needed for p_adjusted."""

    fits: Annotated[list[FitColumn], Field(max_length=32)] = [
        "nobs",
        "df_residual",
        "r_squared",
        "log_lik",
        "aic",
        "bic",
        "converged",
    ]
    """Statistics of whole fits in fits.parquet."""

    observations: Annotated[list[ObservationColumn], Field(max_length=8)] = []
    """Columns of observations.parquet, one row for each row of each fit."""

    report: Report = Report()
    """Which reports are drawn."""

    @model_validator(mode="after")
    def _p_adjusted_needs_adjust(self) -> Self:
        if "p_adjusted" in self.coefficients and self.adjust is None:
            at = self.coefficients.index("p_adjusted")
            raise refused(
                "p_adjusted needs to know how: say it in results.adjust", "coefficients", at
            )
        return self
