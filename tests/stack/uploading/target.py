"""A Grafana to upload to, and a small dashboard to upload."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from support.grafana_stand_in import PASSWORD
from tapewatch.uploading.access import Access
from tapewatch.uploading.api import Api
from tapewatch_sdk.plugins import Dashboard

__all__ = ["Target", "board", "person"]

_numbers = count(1)


@dataclass
class Target:
    """A Grafana, with somebody who works in it.

    Parameters:
        url: where it answers.
        person: that somebody, the user admin.
    """

    url: str
    person: Api

    def token(self, role: str) -> str:
        """A token of a new service account."""
        account = self.person.post("/api/serviceaccounts", {"name": f"{role} {next(_numbers)}", "role": role})
        made = self.person.post(f"/api/serviceaccounts/{account['id']}/tokens", {"name": f"token {account['id']}"})
        return str(made["key"])

    def robot(self, role: str = "Editor") -> Api:
        """A service account's way in."""
        return Api(Access(self.url, f"Bearer {self.token(role)}"))

    def has(self, uid: str) -> dict[str, Any] | None:
        """The dashboard of a UID."""
        found = self.person.find(f"/api/dashboards/uid/{uid}")
        return None if found is None else dict(found["dashboard"])

    def save(self, model: Mapping[str, Any], folder: str = "") -> None:
        """The person saves a dashboard, as Grafana's own page does it."""
        body = {"dashboard": model, "folderUid": folder, "message": "", "overwrite": False}
        self.person.post("/api/dashboards/db", body)

    def edit(self, uid: str, **changes: Any) -> None:
        """The person changes a dashboard and saves it where it lies."""
        found = self.person.get(f"/api/dashboards/uid/{uid}")
        self.save({**found["dashboard"], **changes}, found["meta"]["folderUid"])

    def everything(self) -> str:
        """All dashboards with their versions and folders, as one text to compare."""
        hits = self.person.get("/api/search", type="dash-db", limit=1000, page=1)
        told = [self.person.get(f"/api/dashboards/uid/{hit['uid']}") for hit in hits]
        return json.dumps([(each["dashboard"], each["meta"].get("folderUid")) for each in told], sort_keys=True)

    def clear(self) -> None:
        """Empty it for the next test."""
        for hit in self.person.get("/api/search", type="dash-db", limit=1000, page=1):
            self.person.delete(f"/api/dashboards/uid/{hit['uid']}")


def person(url: str) -> Api:
    signed = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    return Api(Access(url, f"Basic {signed}"))


def board(uid: str, title: str = "", folder: str = "tapewatch", **more: Any) -> Dashboard:
    """A small dashboard with a panel, a variable and a limit that is no whole number."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    panel = {
        "id": 1,
        "type": "timeseries",
        "title": "Orders",
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 8},
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": "cps", "max": 1.0, "min": 0.05}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": 'rate(orders_total{service=~"$service"}[1m])'}],
    }
    variables = [
        {
            "type": "datasource",
            "name": "datasource",
            "query": "prometheus",
            "current": {"value": "tapewatch-prometheus"},
        },
        {
            "type": "query",
            "name": "service",
            "includeAll": True,
            "allValue": ".*",
            "query": "label_values(up, service)",
        },
    ]
    model = {
        "uid": uid,
        "title": title or uid.capitalize(),
        "description": "Are orders sent?",
        "tags": ["tapewatch"],
        "schemaVersion": 42,
        "panels": [panel],
        "templating": {"list": variables},
        "annotations": {"list": []},
        "links": [],
        **more,
    }
    return Dashboard(uid, folder, model)
