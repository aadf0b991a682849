"""A Grafana to upload to: the stand-in always, and the real one where it is here. The same tests run against both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack.uploading.target import Target, person
from support.grafana import start_grafana
from support.grafana_stand_in import StandIn

REAL = pytest.param("real", marks=pytest.mark.needs("grafana"))


@pytest.fixture(scope="module", params=["stand-in", REAL])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Either Grafana, able to share publicly."""
    if request.param == "stand-in":
        with StandIn() as grafana:
            yield Target(grafana.url, person(grafana.url))
    else:
        settings = {"GF_FEATURE_TOGGLES_ENABLE": "publicDashboards"}
        with start_grafana(tmp_path_factory.mktemp("grafana"), settings) as server:
            yield Target(server.url, person(server.url))


@pytest.fixture
def target(running: Target) -> Target:
    """The same, empty."""
    running.clear()
    return running
