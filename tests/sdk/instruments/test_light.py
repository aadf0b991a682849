"""What it costs to have the instruments: nothing heavy is loaded, not even prometheus-client."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"prometheus_client", "opentelemetry", "pydantic", "fastapi", "asyncio", "ssl", "http", "logging"}

UPDATES = """
import json, sys
from tapewatch_sdk.instruments import MetricsRegistry, generate_openmetrics, generate_text
registry = MetricsRegistry("live")
registry.counter("c", labels=["a"]).inc(labels={"a": "x"})
registry.gauge("g").set(1)
with registry.histogram("h").time():
    pass
generate_text(registry), generate_openmetrics(registry), registry.to_dict()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_using_instruments_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", UPDATES], capture_output=True, text=True, check=True)

    assert HEAVY & set(json.loads(done.stdout)) == set()
