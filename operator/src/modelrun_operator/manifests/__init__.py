"""Every object that the operator makes, as pure functions from a run to a dictionary.

A manifest is a plain dictionary, because that is what it is; nothing here asks the API server or
the clock.
"""
