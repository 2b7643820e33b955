"""How fits are computed, on a laptop and on a cluster, and how long anything may take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modelrun_api.failure import FailureReason
from modelrun_api.wire import Currency, Decimal, Share, Wire

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Execution(Wire):
    """How fits are computed."""

    engine: Literal["auto", "batched", "statsmodels"] = "auto"
    """auto takes the fastest engine that meets the contract of equality with statsmodels."""

    audit: Share = "0.1%"
    """The share of batched fits, at least 300, that plain statsmodels fits again to compare."""

    fit_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    """The longest that one fit may take."""

    max_failed: Count | Share = "5%"
    """How many of the fits that were not skipped may fail before the run counts as failed."""

    retry_failed: Annotated[list[FailureReason], Field(max_length=32)] = []
    """Reasons whose stored failures are computed again."""


class Program(Wire):
    """The user's own joblib program, instead of data, models and slices."""

    command: Annotated[
        list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=256)
    ]
    """The command, such as [python, train.py]."""


class Cluster(Wire):
    """The Dask cluster of the run; a laptop ignores it."""

    profile_name: Annotated[str, Field(min_length=1, max_length=253)]
    """The ModelRunProfile of the platform team: node group, price, limits, image."""

    nodes: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Worker nodes, one worker pod each. By default chosen from the pilot's forecast."""

    workers_per_node: Annotated[int, Field(ge=1, le=512)] | None = None
    """Worker processes on each node; by default the profile's."""

    min_workers: Annotated[int, Field(ge=1, le=100_000)] | Share = "80%"
    """Workers that must be there before fitting starts."""


class Budget(Wire):
    """What the run may cost; it stops with what is finished when that is spent."""

    amount: Decimal
    """The amount, as a decimal text."""

    currency: Currency = "USD"
    """The currency of the profile's price."""
