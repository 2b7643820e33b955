"""The ModelRun document itself: what a file holds and what the API server stores."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from modelrun_api.spec import ModelRunSpec
from modelrun_api.wire import Name, Wire


class Metadata(Wire):
    """Object metadata; what Kubernetes adds is kept but not looked at."""

    model_config = ConfigDict(extra="allow")

    name: Name
    """The run's name, a DNS-1035 label of at most 40 characters."""

    namespace: Annotated[str, Field(max_length=63)] | None = None
    """The namespace; a laptop ignores it."""


class ModelRun(Wire):
    """Thousands of statistical models, described in one document."""

    api_version: Literal["modelrun.dev/v1alpha1"] = "modelrun.dev/v1alpha1"
    """Group and version."""

    kind: Literal["ModelRun"] = "ModelRun"
    """The kind."""

    metadata: Metadata
    """The name and what Kubernetes adds."""

    spec: ModelRunSpec
    """What to fit."""

    status: dict[str, Any] | None = None
    """What the operator reports; files carry none."""
