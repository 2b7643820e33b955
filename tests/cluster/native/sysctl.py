"""The settings of the kernel that a kubelet changes for the whole machine; kept and put back."""

from __future__ import annotations

import json
from pathlib import Path

CHANGED = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def remember(run: Path) -> None:
    """Note the values in the folder `run`."""
    values = {name: Path("/proc/sys", name).read_text().strip() for name in CHANGED}
    (run / "sysctl.json").write_text(json.dumps(values))


def restore(run: Path) -> None:
    """Write back what was noted, where anything was."""
    notes = run / "sysctl.json"
    if not notes.exists():
        return
    for name, value in json.loads(notes.read_text()).items():
        path = Path("/proc/sys", name)
        if path.read_text().strip() != value:
            path.write_text(value)
