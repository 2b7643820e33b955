"""Generalized linear models over many slices in one call: statsmodels' IRLS, compiled.

The iterates are reproduced, not the optimum: the same start, the same stop test on the deviance,
standard errors from the weights before the last update (csrc/irls.c). Families and links that are
not listed, and robust covariances with links that are not canonical, are not batched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import likelihood
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import Covariance, FixedScale, Nonrobust
from modelrun.engines.batched.likelihood import Inputs, LikelihoodFits, Settings, Wanted

FamilyName = Literal["Gaussian", "Poisson", "Binomial", "Gamma", "NegativeBinomial"]
LinkName = Literal["Identity", "Log", "Logit", "Probit", "CLogLog", "InversePower", "Sqrt"]

_FAMILIES: tuple[FamilyName, ...] = (
    "Gaussian", "Poisson", "Binomial", "Gamma", "NegativeBinomial",
)  # fmt: skip
_LINKS: tuple[LinkName, ...] = (
    "Identity", "Log", "Logit", "Probit", "CLogLog", "InversePower", "Sqrt",
)  # fmt: skip
_DEFAULT: dict[FamilyName, LinkName] = {
    "Gaussian": "Identity",
    "Poisson": "Log",
    "Binomial": "Logit",
    "Gamma": "InversePower",
    "NegativeBinomial": "Log",
}
_CANONICAL = {(name, link) for name, link in _DEFAULT.items() if name != "NegativeBinomial"}


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution and its link, under statsmodels' names; link None is statsmodels' default."""

    name: FamilyName = "Gaussian"
    link: LinkName | None = None
    alpha: float = 1.0

    @property
    def link_name(self) -> LinkName:
        """The link that is used."""
        return self.link if self.link is not None else _DEFAULT[self.name]


def supports(family: Family, covariance: Covariance) -> bool:
    """Whether this package can fit it; if not, it is statsmodels' to do."""
    known = family.name in _FAMILIES and family.link_name in _LINKS
    simple = isinstance(covariance, Nonrobust)
    canonical = (family.name, family.link_name) in _CANONICAL
    return known and (simple or (canonical and not isinstance(covariance, FixedScale)))


def numbers(family: Family) -> tuple[int, int]:
    """Return distribution and link as the kernels number them (csrc/family.h)."""
    return _FAMILIES.index(family.name), _LINKS.index(family.link_name)


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    family: Family,
    offset: npt.ArrayLike | None = None,
    exposure: npt.ArrayLike | None = None,
    freq_weights: npt.ArrayLike | None = None,
    var_weights: npt.ArrayLike | None = None,
    keep: npt.ArrayLike | None = None,
    covariance: Covariance | None = None,
    use_t: bool = False,
    conf_level: float = 0.95,
    maxiter: int = 100,
    scale: float | Literal["X2", "dev"] | None = None,
    wanted: Wanted | None = None,
) -> LikelihoodFits:
    """Fit a GLM in every slice by IRLS.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,); for the binomial family zeros and ones or proportions.
        starts: First row of each fit, shape (fits,).
        stops: Row after the last of each fit, shape (fits,).
        family: Distribution and link.
        offset: Added to the linear predictor, shape (n,).
        exposure: Its logarithm is added; the log link only.
        freq_weights: How often each row was seen, shape (n,).
        var_weights: Weights of the variance, shape (n,).
        keep: Mask of complete rows, shape (n,).
        covariance: Nonrobust() when None; HC0 to HC3 are one in GLM, as in statsmodels.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        maxiter: Iterations at most; a fit that needs more is NOT_CONVERGED.
        scale: None for statsmodels' default of the family.
        wanted: Null model only when None.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: Arrays do not fit together, or the combination is not supported.
        MemoryError: The workspace of the largest slice does not fit.
    """
    covariance = covariance if covariance is not None else Nonrobust()
    if not supports(family, covariance):
        message = (
            f"{family.name} with link {family.link_name} and {type(covariance).__name__} is not "
            "batched; use statsmodels for it"
        )
        raise ValueError(message)
    if exposure is not None:
        if family.link_name != "Log":
            message = f"exposure goes with the Log link, not with {family.link_name}; use an offset"
            raise ValueError(message)
        logs = np.log(np.asarray(exposure, dtype=np.float64))
        offset = logs if offset is None else np.asarray(offset, dtype=np.float64) + logs
    kinds = {"X2": 1, "dev": 2}
    distribution, link = numbers(family)
    settings = Settings(
        newton=False,
        family=distribution,
        link=link,
        alpha=family.alpha,
        scale_type=0 if scale is None else kinds[scale] if isinstance(scale, str) else 3,
        scale=1.0 if scale is None or isinstance(scale, str) else float(scale),
        max_iterations=maxiter,
    )
    return likelihood.fit(
        design, y, starts, stops,
        Inputs(offset=offset, freq_weights=freq_weights, var_weights=var_weights, keep=keep),
        settings, covariance, wanted or Wanted(), use_t=use_t, conf_level=conf_level,
    )  # fmt: skip
