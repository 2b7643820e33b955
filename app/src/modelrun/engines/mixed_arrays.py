"""statsmodels' MixedLM with its loops over groups written as array operations.

The same likelihood, the same gradient, the same optimiser and the same standard errors: only the
sums over groups are taken by NumPy instead of by Python. Results differ from statsmodels' by
rounding alone. Models with variance components or penalties use statsmodels' own methods.
Formulas: Lindstrom and Bates 1988; the inverse and the determinant of a group's covariance by
Woodbury's identity, as statsmodels has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines.mixed_hessian import Products, hessian

Floats = npt.NDArray[np.float64]

_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True)
class _Groups:
    """The data sorted by group: n rows, G groups, k random effects, p fixed effects."""

    endog: Floats
    exog: Floats
    effects: Floats
    """Columns of the random effects, shape (n, k)."""

    start: npt.NDArray[np.int64]
    """First row of each group, shape (G,)."""

    size: npt.NDArray[np.int64]
    square: Floats
    """Cross products of the random effects, shape (G, k, k)."""

    @classmethod
    def of(cls, model: Any) -> _Groups:
        """Sort the rows of a model."""
        parts = [model.row_indices[label] for label in model.group_labels]
        size = np.array([len(part) for part in parts], dtype=np.int64)
        order = np.concatenate([np.asarray(part, dtype=np.int64) for part in parts])
        return cls(
            endog=model.endog[order],
            exog=model.exog[order],
            effects=model.exog_re[order],
            start=np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64),
            size=size,
            square=np.stack(model._aex_r2),  # noqa: SLF001 - a subclass is inside
        )

    def sums(self, values: Floats) -> Floats:
        """Sum over the rows of each group, shape (G, ...)."""
        summed: Floats = np.add.reduceat(values, self.start, axis=0)
        return summed

    def solve(self, inner: Floats, right: Floats) -> Floats:
        """Return V⁻¹ times some columns.

        Args:
            inner: Inverse of Q⁻¹ + A'A of each group, shape (G, k, k).
            right: Shape (n, m).
        """
        products = self.sums(self.effects[:, :, None] * right[:, None, :])
        back = np.repeat(inner @ products, self.size, axis=0)
        solved: Floats = right - np.einsum("nk,nkm->nm", self.effects, back)
        return solved


@lru_cache(maxsize=1)
def array_class() -> Any:
    """Return the class; statsmodels is imported on the first call."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

    class ArrayMixedLM(MixedLM):  # type: ignore[misc]
        """MixedLM with sums over groups by NumPy."""

        def _plain(self) -> bool:
            return (
                self.k_vc == 0
                and self.k_re > 0
                and self.k_fe > 0
                and self.fe_pen is None
                and getattr(self, "cov_pen", None) is None
            )

        def _sorted(self) -> _Groups:
            if not hasattr(self, "_groups"):
                self._groups = _Groups.of(self)
            return self._groups

        def _inner(self, cov_re_inv: Any) -> Any:
            return np.linalg.inv(self._sorted().square + cov_re_inv)

        def get_fe_params(
            self, cov_re: Floats, vcomp: Floats, tol: float = _SINGULAR
        ) -> tuple[Any, bool]:
            if not self._plain():
                found: tuple[Any, bool] = super().get_fe_params(cov_re, vcomp, tol)
                return found
            values, vectors = np.linalg.eigh(cov_re)
            singular = bool(values.min() < tol)
            if singular:
                kept = np.flatnonzero(values >= tol)
                inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
                if not len(kept):
                    inverse = np.zeros_like(cov_re)
            else:
                inverse = np.linalg.inv(cov_re)
            groups = self._sorted()
            both = np.column_stack([groups.exog, groups.endog])
            normal = groups.exog.T @ groups.solve(self._inner(inverse), both)
            if singular:
                return np.linalg.pinv(normal[:, :-1]) @ normal[:, -1], True
            return np.linalg.solve(normal[:, :-1], normal[:, -1]), False

        def _inverse(self, cov_re: Floats) -> Any:
            try:
                return np.linalg.inv(cov_re)
            except np.linalg.LinAlgError:
                self._cov_sing += 1
                return np.linalg.pinv(cov_re)

        def loglike(self, params: Any, profile_fe: bool = True) -> float:  # noqa: FBT001, FBT002
            if not self._plain():
                return float(super().loglike(params, profile_fe))
            if type(params) is not MixedLMParams:
                params = MixedLMParams.from_packed(
                    params, self.k_fe, self.k_re, self.use_sqrt, has_fe=False
                )
            fixed = params.fe_params
            if profile_fe:
                fixed, singular = self.get_fe_params(params.cov_re, params.vcomp)
                self._cov_sing += int(singular)
            inverse = self._inverse(params.cov_re)
            groups = self._sorted()
            resid = groups.endog - groups.exog @ fixed
            inner = self._inner(inverse)
            columns = [resid[:, None], groups.exog] if self.reml else [resid[:, None]]
            solved = groups.solve(inner, np.concatenate(columns, axis=1))
            quadratic = resid @ solved[:, 0]
            # A group's log|V| is log|Q| + log|Q⁻¹ + A'A|.
            value = -0.5 * len(groups.size) * np.linalg.slogdet(params.cov_re)[1]
            value -= 0.5 * np.linalg.slogdet(groups.square + inverse)[1].sum()
            n = self.n_totobs
            if self.reml:
                value -= np.linalg.slogdet(groups.exog.T @ solved[:, 1:])[1] / 2.0
                n -= self.k_fe
            value -= n * np.log(quadratic) / 2.0
            value -= n * np.log(2 * np.pi) / 2.0
            value += n * np.log(n) / 2.0
            return float(value - n / 2.0)

        def score_full(
            self,
            params: Any,
            calc_fe: bool,  # noqa: FBT001
        ) -> tuple[Floats, Floats, Floats]:
            if not self._plain():
                found: tuple[Floats, Floats, Floats] = super().score_full(params, calc_fe)
                return found
            groups = self._sorted()
            inner = self._inner(self._inverse(params.cov_re))
            resid = groups.endog - groups.exog @ params.fe_params
            k, p = self.k_re, self.k_fe
            solved = groups.solve(inner, np.column_stack([resid, groups.effects, groups.exog]))
            vir, via, vix = solved[:, 0], solved[:, 1 : 1 + k], solved[:, 1 + k :]
            quadratic = resid @ vir
            traces = groups.effects.T @ via
            by_group = groups.sums(groups.effects * vir[:, None])
            squares = by_group.T @ by_group
            crossed = groups.sums(groups.effects[:, :, None] * vix[:, None, :])
            inverse = np.linalg.inv(groups.exog.T @ vix) if self.reml else np.zeros((p, p))
            rows = self.n_totobs - (p if self.reml else 0)
            score_re = np.zeros(self.k_re2)
            at = 0
            for first in range(k):
                for second in range(first + 1):
                    twice = 1.0 if first == second else 2.0
                    value = -0.5 * twice * traces[first, second]
                    value += 0.5 * rows * twice * squares[first, second] / quadratic
                    if self.reml:
                        outer = crossed[:, first].T @ crossed[:, second]
                        value += 0.5 * twice * np.sum(inverse.T * outer)
                    score_re[at] = value
                    at += 1
            score_fe = np.zeros(p)
            if calc_fe:
                score_fe = rows * (groups.exog.T @ vir) / quadratic
            return score_fe, score_re, np.zeros(self.k_vc)

        def hessian(self, params: Any) -> tuple[Any, bool]:
            if not self._plain():
                found: tuple[Any, bool] = super().hessian(params)
                return found
            if type(params) is not MixedLMParams:
                params = MixedLMParams.from_packed(
                    params, self.k_fe, self.k_re, use_sqrt=self.use_sqrt, has_fe=True
                )
            try:
                inverse, singular = np.linalg.inv(params.cov_re), False
            except np.linalg.LinAlgError:
                inverse, singular = np.linalg.pinv(params.cov_re), True
            groups = self._sorted()
            resid = groups.endog - groups.exog @ params.fe_params
            right = np.column_stack([resid, groups.effects, groups.exog])
            solved = groups.solve(self._inner(inverse), right)
            vir, via, vix = solved[:, 0], solved[:, 1 : 1 + self.k_re], solved[:, 1 + self.k_re :]
            products = Products(
                effects=groups.sums(groups.effects[:, :, None] * via[:, None, :]),
                mixed=groups.sums(groups.exog[:, :, None] * via[:, None, :]),
                residual=groups.sums(groups.effects * vir[:, None]),
                fixed=groups.exog.T @ vix,
                quadratic=float(resid @ vir),
            )
            rows = self.n_totobs - (self.k_fe if self.reml else 0)
            return hessian(products, rows=rows, reml=self.reml), singular

        def get_scale(self, fe_params: Floats, cov_re: Floats, vcomp: Floats) -> float:
            if not self._plain() or np.linalg.cond(cov_re) > 1 / np.finfo(np.float64).eps:
                return float(super().get_scale(fe_params, cov_re, vcomp))
            groups = self._sorted()
            resid = groups.endog - groups.exog @ fe_params
            solved = groups.solve(self._inner(np.linalg.inv(cov_re)), resid[:, None])
            rows = self.n_totobs - (self.k_fe if self.reml else 0)
            return float(resid @ solved[:, 0] / rows)

    return ArrayMixedLM
