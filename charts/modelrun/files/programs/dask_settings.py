"""Settings of the Dask controller, which takes none from its command line; kopf loads this file.

It would watch every pod and every Service of the cluster to pick out a few. And with rights in some
namespaces only it would ask for the definitions again and again for a minute before it begins.
"""

from __future__ import annotations

import os
from typing import Any

import kopf

COMPONENT = "dask.org/component"


@kopf.on.startup()  # type: ignore[untyped-decorator,unused-ignore]
async def narrow(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Let the API server filter, and look at definitions only where that is allowed."""
    settings.watching.label_selectors["v1", "pods"] = f"{COMPONENT}=job-runner"
    settings.watching.label_selectors["v1", "services"] = f"{COMPONENT}=scheduler"
    settings.scanning.disabled = bool(os.environ.get("MODELRUN_NAMESPACES"))
