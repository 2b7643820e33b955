"""Series that alerts count on are there before anything happens."""

from __future__ import annotations

import subprocess
import sys

SAY = """
import modelrun_operator.telemetry
import prometheus_client

print(prometheus_client.generate_latest().decode())
"""
WANTED = [
    'modelrun_passes_total{outcome="bug"} 0.0',
    'modelrun_actions_total{action="Create",outcome="refused"} 0.0',
    'modelrun_actions_total{action="IssueTls",outcome="refused"} 0.0',
]


def test_what_is_counted_begins_with_zero():
    """Prometheus sees no increase in a series whose first sample is its first event."""
    said = subprocess.run(
        [sys.executable, "-c", SAY], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    for line in WANTED:
        assert line in said
