"""The command `modelrun`: what a person types, and what they see.

Commands parse, call one function of the package and show what it returns; nothing is decided
here. Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

from modelrun.cli.ending import main

__all__ = ["main"]
