"""Finished fits on disk or in an object store: appended as they come, found by key."""

import modelrun.arrow as _without_pandas  # noqa: F401 - must come before any Arrow array is made
