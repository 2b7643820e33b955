"""What forked workers begin with: imported once, by the fork server, before it forks anything off.

The server loads the modules that the environment names, and what it holds then is left out of all
searches for garbage: else each worker's first one would touch, and so copy, all memory that
workers share.
"""

from __future__ import annotations

import contextlib
import importlib
import os

from modelrun.backends.cluster_process import PRELOAD_VARIABLE
from modelrun.backends.loading import loading, put_off

with loading(for_good=True):
    put_off("numpy.f2py")
    for _name in os.environ.pop(PRELOAD_VARIABLE, "").split():
        with contextlib.suppress(Exception):  # who needs it imports it again, and hears of it
            importlib.import_module(_name)
