"""The pure heart: from a run, what was seen and the time, to what is to be done.

`decide` is the only door. Nothing here talks to the API server, reads a clock or remembers
anything: all memory is the status of the run and the objects that exist.
"""
