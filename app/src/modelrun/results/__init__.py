"""From finished fits to what people open: tables, counts, run.json, summaries, differences."""

import modelrun.arrow as _without_pandas  # noqa: F401 - must come before any Arrow array is made
