"""From rows to fits: groups, windows, replicates, designs, content keys and tasks.

What is to be computed is decided here, once, in the runner; how and where is not.
"""
