"""The project's benchmarks: `make bench`, or `python benchmarks/run.py NAME...` for some of them.

Each prints figures with the limit that they are held against; ratios are taken within one run, because machines
differ. The exit code is 1 when a limit is missed.
"""

from __future__ import annotations

import sys

import alert_delivery
import at_rest
import bridge
import capacity
import catalogue_size
import command_start
import dashboards
import event_bus
import exporters
import history_day
import instruments
import kubernetes
import mutation
import page
import prometheus_start
import query_front
import store
import tracing_and_logs
import websocket
from _measure import Figure, table

_BENCHMARKS = {
    "start": command_start.run,
    "size": catalogue_size.run,
    "prometheus": prometheus_start.run,
    "mutation": mutation.run,
    "alerts": alert_delivery.run,
    "instruments": instruments.run,
    "tracing": tracing_and_logs.run,
    "events": event_bus.run,
    "exporters": exporters.run,
    "dashboards": dashboards.run,
    "websocket": websocket.run,
    "page": page.run,
    "bridge": bridge.run,
    "store": store.run,
    "day": history_day.run,
    "rest": at_rest.run,
    "capacity": capacity.run,
    "kubernetes": kubernetes.run,
    "front": query_front.run,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them."""
    unknown = [name for name in names if name not in _BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(_BENCHMARKS)}")
    figures: list[Figure] = []
    for name in names or _BENCHMARKS:
        found = _BENCHMARKS[name]()
        print(table(name, found), flush=True)
        figures += found
    return 1 if any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
