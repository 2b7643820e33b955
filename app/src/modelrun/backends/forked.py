"""What forked workers begin with: imported once, by the fork server, before it forks anything off.

The server loads the modules that the environment names. Nothing of them is garbage, so the search
for it waits, which is an eighth of the time; and what is loaded is taken out of all later
searches, else each worker's first one would touch, and so copy, all memory that workers share.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os

from modelrun.backends.cluster_process import PRELOAD_VARIABLE

gc.disable()
for _name in os.environ.pop(PRELOAD_VARIABLE, "").split():
    with contextlib.suppress(Exception):  # whoever needs it imports it again, and says what is wrong
        importlib.import_module(_name)
gc.freeze()
gc.enable()
