"""`python -m mdshift`: the command line."""

from mdshift.cli.entry import run

run()
