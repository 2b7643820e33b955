"""`python -m modelrun_operator`."""

from modelrun_operator.cli import main

main()
