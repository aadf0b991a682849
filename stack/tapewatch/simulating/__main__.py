"""The supervisor as a program of its own, small in memory: it is handed the plan and loads no catalogue."""

from __future__ import annotations

import os
import sys

from tapewatch.simulating.plan import Plan
from tapewatch.simulating.supervisor import Supervisor


def main() -> None:
    """Run the plan that stands in the file whose number is the one argument."""
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as file:
        plan = Plan.loads(file.read())
    Supervisor(plan, lambda text: print(text, file=sys.stderr, flush=True)).run()  # noqa: T201 -- it is a program


if __name__ == "__main__":
    main()
