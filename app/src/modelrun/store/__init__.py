"""Finished fits on disk or in an object store: appended as they come, found by key."""
