"""`python -m flowvisor` is `flowvisor`."""

from flowvisor.cli import main

main()
