"""The one error of this package: what happened, to what, and what to do next."""

from __future__ import annotations


class ClusterError(Exception):
    """The test cluster cannot be raised, used or removed; the message says why."""
