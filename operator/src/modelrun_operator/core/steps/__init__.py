"""One step for each phase: a function from a view to what is to be done.

Each reads as a list of "if this holds, do that and return". A step that leaves its phase lets the
next one go on in the same pass.
"""
