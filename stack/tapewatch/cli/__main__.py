"""`python -m tapewatch.cli`, where the program itself is not on the path."""

from tapewatch.cli import main

main()
