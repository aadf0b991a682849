"""What a Grafana in the cluster takes up by its sidecar: dashboards, and the data sources that lead to the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.documents import dump
from tapewatch.renderers.grafana import data_sources
from tapewatch.renderers.kubernetes._objects import Object, config_map, object_name
from tapewatch.renderers.where import Where
from tapewatch_sdk.plugins import Request

__all__ = ["DASHBOARD", "SOURCE", "grafana"]

DASHBOARD = {"grafana_dashboard": "1"}
"""The label by which the sidecar of Grafana's own chart finds dashboards."""

SOURCE = {"grafana_datasource": "1"}
"""The same of data sources."""

_FOLDER = "grafana_folder"
"""Annotation that names the folder."""


def grafana(request: Request, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """A ConfigMap a dashboard, and one with the data sources."""
    catalogue, namespace = cast(Catalogue, request.catalogue), kubernetes.namespace
    sources = dump(data_sources(catalogue, where), layout.HEADER)
    yield config_map("grafana-datasources", namespace, {"tapewatch.yaml": sources}, SOURCE)
    for board in sorted(request.dashboards, key=lambda board: (board.folder, board.uid)):
        text = json.dumps(board.model, separators=(",", ":"), ensure_ascii=False)
        found = config_map(object_name(f"dashboard-{board.uid}"), namespace, {f"{board.uid}.json": text}, DASHBOARD)
        found["metadata"]["annotations"] = {_FOLDER: board.folder}
        yield found
