"""Metrics that services push by OTLP over HTTP, as samples of the history.

| module | what |
|---|---|
| reading | a request from its bytes, and the answer to it |
| schema | the JSON form, for the OpenAPI page |
| points | the points of a request as single samples, as a scrape would have them |
| pushes | what has come so far: sums of increments, what was sent twice, what a service exposes now |
"""

from __future__ import annotations

from tapewatch.history.api.otlp.pushes import Pushes, Taken
from tapewatch.history.api.otlp.reading import JSON, PROTOBUF, read, response_of
from tapewatch.history.api.otlp.schema import SCHEMA

__all__ = ["JSON", "PROTOBUF", "SCHEMA", "Pushes", "Taken", "read", "response_of"]
