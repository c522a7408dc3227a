"""Lets ``python -m transload.cli`` run the command line."""

from transload.cli import main

main()
