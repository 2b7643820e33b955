"""`python -m modelrun.backends` is the process of a cluster on this machine.

It stands here because multiprocessing imports the main module anew in each worker, unless its name
is this one.
"""

from __future__ import annotations

from modelrun.backends.cluster_process import main

main()
