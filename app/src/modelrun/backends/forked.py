"""What forked workers begin with: imported once, by the fork server, before it forks anything off.

The server loads the modules that the environment names, and what it holds then is left out of all
searches for garbage: else each worker's first one would touch, and so copy, all memory that
workers share.
"""

from __future__ import annotations

import os

from modelrun.backends.cluster_process import PRELOAD_VARIABLE
from modelrun.backends.loading import load_for_good

load_for_good(os.environ.pop(PRELOAD_VARIABLE, "").split())
