"""Settings for the tests of the operator's decisions."""

from __future__ import annotations

from hypothesis import settings

# Machines of CI are slow at times; what is tested has no deadline.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")
