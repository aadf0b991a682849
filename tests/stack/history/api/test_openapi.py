"""The API is asked whatever its OpenAPI page allows, and much that it does not, and keeps its word on all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from support.history_api import Api, Standing, serving
from tapewatch.history.api import Settings
from tapewatch.history.api.access import Gate, Hosts
from tapewatch.history.api.app import make_api
from tapewatch.history.store import Batch, Store
from tapewatch_sdk.events import Event


class Storing(Standing):
    """Stands on a real store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.reader())
        self._store = store

    async def store_events(self, events: Sequence[Event]) -> int:
        return len(self._store.write(Batch(events=events)).events)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with (
        Store.open(tmp_path_factory.mktemp("store") / "history.duckdb") as store,
        serving(Storing(store), Gate(Hosts(loopback=True))) as found,
    ):
        found.show({"at": 1.0, "simulated": False, "services": {}, "values": []})
        yield found


def _request(name: str, value: float, seconds: int) -> bytes:
    made = ExportMetricsServiceRequest()
    metric = made.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    metric.gauge.data_points.add(as_double=value, time_unix_nano=seconds * 10**9)
    return bytes(made.SerializeToString())


schemathesis.openapi.media_type(
    "application/x-protobuf", st.builds(_request, st.text(), st.floats(), st.integers(0, 2**33)), aliases=[]
)

# A URL that is too long for us is a proper refusal too.
REFUSALS = [400, 401, 403, 404, 405, 413, 415, 422, 429, 431]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})

described = schemathesis.openapi.from_dict(make_api(Standing(), Gate(None), Settings()).openapi(), config=CONFIG)


@described.parametrize()
@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_finds_a_promise_that_is_not_kept(case: schemathesis.Case[Any], api: Api) -> None:
    case.call_and_validate(base_url=api.url)
