"""Pages on paper: drawn with matplotlib, many panels to a page at the price of a few artists."""
