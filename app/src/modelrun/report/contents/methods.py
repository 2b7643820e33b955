"""A paragraph on methods, made from the spec: what a paper would say about this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelrun.report import numbers
from modelrun.report.contents.significance import METHODS
from modelrun.report.tables import Tables, words

ERRORS = {
    "nonrobust": "classical standard errors",
    "HC0": "heteroscedasticity-robust standard errors (HC0)",
    "HC1": "heteroscedasticity-robust standard errors (HC1)",
    "HC2": "heteroscedasticity-robust standard errors (HC2)",
    "HC3": "heteroscedasticity-robust standard errors (HC3)",
    "HAC": "heteroscedasticity- and autocorrelation-robust standard errors (HAC)",
    "cluster": "cluster-robust standard errors",
}


ENGINES = {
    "batched": "compiled kernels (batched)",
    "statsmodels": "statsmodels",
    "callable": "the function",
}


def sentences(tables: Tables) -> tuple[str, ...]:
    """Return the paragraphs on models and slices, on inference, and on computation."""
    spec = tables.spec
    if not spec:
        return ("The folder has no run.json, so nothing is known about how these fits were made.",)
    return tuple(
        " ".join(filter(None, parts))
        for parts in (
            (_models(spec), _slices(tables), _data(spec)),
            (_inference(spec), _resampling(spec)),
            (_computation(tables), _audit(tables.run)),
        )
        if any(parts)
    )


def _models(spec: Mapping[str, Any]) -> str:
    models = _listed(spec)
    if not models:
        return ""
    if len(models) > 1:
        kinds = sorted({str(model.get("estimator") or "own callable") for model in models})
        return (
            f"{numbers.plural(len(models), 'model')} ({numbers.enumerate_words(kinds)}) were "
            "fitted to every slice; the table has their formulas and settings."
        )
    model = models[0]
    fit = model.get("fit") or {}
    if model.get("callable"):
        return f"The function {model['callable']} was applied to every slice."
    what = f"{model.get('estimator')} {model.get('formula') or _series(model)}"
    covariance = fit.get("cov_type")
    errors = ERRORS.get(str(covariance), f"{covariance} standard errors") if covariance else ""
    lags = (fit.get("cov_kwds") or {}).get("maxlags")
    if lags is not None:
        errors += f", {numbers.plural(float(lags), 'lag')}"
    return f"{what} was fitted to every slice" + (f", with {errors}." if errors else ".")


def _listed(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [model for model in spec.get("models", []) if isinstance(model, Mapping)]


def settings(model: Mapping[str, Any]) -> str:
    """Return the keywords of a model in words: `q = 0.05, maxlags = 6`."""
    found = dict(_settings(model.get("init") or {})) | dict(_settings(model.get("fit") or {}))
    return ", ".join(f"{name} = {value}" for name, value in found.items())


def _settings(keywords: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in keywords.items():
        if isinstance(value, Mapping):
            inner = dict(value)
            if name in inner or "column" in inner:
                yield name, str(inner.pop(name, None) or inner.pop("column"))
            yield from _settings(inner)
        elif isinstance(value, list):
            yield name, f"({', '.join(map(str, value))})"
        else:
            yield name, str(value)


def _series(model: Mapping[str, Any]) -> str:
    exog = model.get("exog") or []
    order = (model.get("init") or {}).get("order")
    text = f"of {model.get('endog')}" + (f" on {', '.join(map(str, exog))}" if exog else "")
    return text + (f" with order {tuple(order)}" if order else "")


def _slices(tables: Tables) -> str:
    slices = tables.spec.get("slices") or {}
    window = slices.get("window")
    parts = []
    if window:
        size, step = window.get("size"), window.get("step", 1)
        length = f"{size} rows" if isinstance(size, int) else str(size)
        parts.append(
            f"{window.get('kind', 'rolling')} windows of {length} over {window.get('column')}"
            + (f", step {step}" if step != 1 else "")
        )
    if slices.get("by"):
        keys = " and ".join(map(str, slices["by"]))
        parts.append(f"each of {numbers.plural(len(tables.groups), 'value')} of {keys}")
    return f"A slice: {' within '.join(parts)}." if parts else "The whole data are one slice."


def _data(spec: Mapping[str, Any]) -> str:
    data = spec.get("data") or {}
    volume = data.get("volume") or {}
    source = data.get("uri") or volume.get("path") or ""
    text = f"Data: {source}" if source else ""
    if data.get("dataset"):
        text = f"Data: the bundled set {data['dataset']}"
    if text and data.get("where"):
        text += f", where {data['where']}"
    return " ".join([f"{text}.", *_missing(spec)]) if text else ""


def _missing(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what became of missing values; a function is given all rows and does as it likes."""
    models = _listed(spec)
    if any(model.get("formula") for model in models):
        yield "Rows with missing values were dropped fit by fit."
    if any(model.get("endog") for model in models):
        yield "A series kept its missing values, which state space models take for gaps."


def _inference(spec: Mapping[str, Any]) -> str:
    results = spec.get("results") or {}
    columns = results.get("coefficients") or []
    text = ""
    if "conf_low" in columns:
        text = f"Intervals are at the {100 * float(results.get('confLevel', '0.95')):g}% level."
    adjust = results.get("adjust")
    if adjust:
        method = str(adjust.get("method", "fdr_bh"))
        within = " and ".join(map(str, adjust.get("within", ["model", "term"])))
        text += (
            f" p-values were adjusted across fits by the method of {METHODS.get(method, method)}, "
            f"in families of equal {within}."
        )
    return text.strip()


def _resampling(spec: Mapping[str, Any]) -> str:
    resample = (spec.get("slices") or {}).get("resample")
    if not resample:
        return ""
    kind = {
        "pairs": "rows drawn with replacement (pairs bootstrap)",
        "block": f"moving blocks of {resample.get('blockLength')} rows",
    }.get(str(resample.get("method")), "resampling")
    return (
        f"Each slice was resampled {int(resample.get('replicates', 0)):,} times by {kind}, "
        f"seed {resample.get('seed', 0)}; intervals are percentiles of the replicates."
    )


def _computation(tables: Tables) -> str:
    engines, code = words(tables.fits, "engine")
    parts = [
        f"{numbers.plural(int((code == i).sum()), 'fit')} by {ENGINES.get(name, name)}"
        for i, name in enumerate(engines)
        if name
    ]
    versions = tables.run.get("versions") or tables.run.get("packages") or {}
    version = versions.get("statsmodels") if isinstance(versions, Mapping) else None
    text = f"Computed: {numbers.enumerate_words(parts)}." if parts else ""
    if text and version:
        text += f" statsmodels is version {version}."
    return text


def _audit(run: Mapping[str, Any]) -> str:
    audit = run.get("audit")
    return str(audit.get("sentence", "")) if isinstance(audit, Mapping) else ""
