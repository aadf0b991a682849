"""How the others reach tapewatch's own history, and with which key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.members import history_addresses
from tapewatch.renderers.where import Where
from tapewatch_sdk.names import DATASOURCE_HISTORY, HEARTBEAT_SEVERITY, HISTORY_RECEIVER

__all__ = ["INFINITY", "WEBHOOK", "grafana_source", "history_key", "history_receiver", "history_route", "webhook_key"]

WEBHOOK = "/api/alerts/webhook"
"""Where the history takes Alertmanager's messages."""


INFINITY = "yesoreyeram-infinity-datasource"
"""The plugin by which Grafana asks the API, signed by Grafana Labs. One for DuckDB would have to open the file, which
only one process can."""


def grafana_source(catalogue: Catalogue, where: Where) -> list[dict[str, Any]]:
    """Grafana's data source for the API, where the catalogue wants one; Grafana reads the key from its file."""
    history = catalogue.stack.history
    if history is None or not history.grafana:
        return []
    url = f"http://{history.address}"
    key = history_key(catalogue, where, history.address)
    source = {"name": "History", "uid": DATASOURCE_HISTORY, "type": INFINITY, "access": "proxy", "url": url}
    if key is None:
        return [{**source, "editable": False, "jsonData": {"allowedHosts": [url]}}]
    return [
        {
            **source,
            "editable": False,
            "basicAuth": True,
            "basicAuthUser": "grafana",
            "jsonData": {"auth_method": "basicAuth", "allowedHosts": [url]},
            "secureJsonData": {"basicAuthPassword": f"$__file{{{key}}}"},
        }
    ]


def history_key(catalogue: Catalogue, where: Where, address: str) -> str | None:
    """The file with the key that must be shown at an address (`host:port`): None unless the history is there."""
    history = catalogue.stack.history
    ours = history_addresses(catalogue, where)
    return history.key_file if history and where.keyed and address in ours else None


def history_route(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The route before all others, by which the history is told of every alert at once, each on its own.

    It hears of changes as soon, and of what goes on as often, as whoever is told of critical ones. The heartbeat alone
    is left out: that it fires is no news.
    """
    if catalogue.stack.history is None:
        return []
    timing = catalogue.routing.timing("critical")
    return [
        {
            "receiver": HISTORY_RECEIVER,
            "matchers": [f'severity!="{HEARTBEAT_SEVERITY}"'],
            "continue": True,
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": timing.group_interval,
            "repeat_interval": timing.repeat_interval,
        }
    ]


def history_receiver(catalogue: Catalogue, where: Where) -> list[dict[str, Any]]:
    """The receiver of that route; of several histories each is told on its own."""
    urls = [f"http://{address}{WEBHOOK}" for address in history_addresses(catalogue, where)]
    hooks = [{"url": url, "send_resolved": True, **webhook_key(catalogue, where, url)} for url in urls]
    return [{"name": HISTORY_RECEIVER, "webhook_configs": hooks}] if hooks else []


def webhook_key(catalogue: Catalogue, where: Where, url: str) -> dict[str, Any]:
    """What a webhook needs besides, if it is the history's."""
    key = history_key(catalogue, where, urlsplit(url).netloc)
    return {"http_config": {"authorization": {"type": "Bearer", "credentials_file": key}}} if key else {}
