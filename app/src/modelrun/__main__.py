"""`python -m modelrun` is the command `modelrun`."""

from __future__ import annotations

from modelrun.cli import main

main()
