"""Which modules a program loads: cold starts are part of every number."""

from __future__ import annotations

import subprocess
import sys


def imported(program: str, *names: str) -> set[str]:
    """Return those of some modules that a fresh interpreter has loaded after a program."""
    asked = f"{program}\nimport sys\nprint('loaded:', *({set(names)!r} & set(sys.modules)))\n"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()[-1].split()
    assert said[0] == "loaded:", done.stdout
    return set(said[1:])
