"""Grafana 13: provisioned data sources and providers of dashboards, and settings that come from the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.keys.kinds import BOOLEAN, DURATION, NUMBER, TEXT, URL, Finding, Keys, Kind, ListOf, OneOf, Path, Text

__all__ = ["JSON_DATA", "PROVIDERS", "SETTINGS", "SOURCES", "check_providers", "check_settings", "check_sources"]

_DOCS = "Grafana: docs/sources"
_PROVISIONING = f"{_DOCS}/administration/provisioning/index.md"

_UID = Text(r"[a-zA-Z0-9_-]{1,40}", "UID")

_TAG = Keys(f"{_DOCS}/datasources/tempo/configure-tempo-data-source", {"key": TEXT, "value": TEXT}, frozenset({"key"}))

JSON_DATA: Mapping[str, Kind] = {
    "prometheus": Keys(
        f"{_DOCS}/datasources/prometheus/configure",
        {
            "httpMethod": OneOf(("GET", "POST")),
            "timeInterval": DURATION,
            "queryTimeout": DURATION,
            "prometheusType": OneOf(("Prometheus", "Cortex", "Mimir", "Thanos")),
            "prometheusVersion": TEXT,
            "cacheLevel": OneOf(("Low", "Medium", "High", "None")),
            "incrementalQuerying": BOOLEAN,
            "manageAlerts": BOOLEAN,
            "alertmanagerUid": _UID,
            "defaultEditor": OneOf(("builder", "code")),
            "disableMetricsLookup": BOOLEAN,
            "exemplarTraceIdDestinations": ListOf(
                Keys(
                    f"{_DOCS}/datasources/prometheus/configure#provision-the-data-source",
                    {"name": TEXT, "datasourceUid": _UID, "url": TEXT, "urlDisplayLabel": TEXT},
                    frozenset({"name"}),
                )
            ),
        },
    ),
    "loki": Keys(
        f"{_DOCS}/datasources/loki/configure",
        {
            "maxLines": NUMBER,
            "timeout": NUMBER,
            "manageAlerts": BOOLEAN,
            "alertmanagerUid": _UID,
            "derivedFields": ListOf(
                Keys(
                    f"{_DOCS}/datasources/loki/configure#provision-the-data-source",
                    {
                        "name": TEXT,
                        "matcherType": OneOf(("label", "regex")),
                        "matcherRegex": TEXT,
                        "url": TEXT,
                        "urlDisplayLabel": TEXT,
                        "datasourceUid": _UID,
                        "targetBlank": BOOLEAN,
                    },
                    frozenset({"name", "matcherRegex"}),
                )
            ),
        },
    ),
    "jaeger": Keys(
        f"{_DOCS}/datasources/jaeger/_index.md",
        {
            "nodeGraph": Keys(f"{_DOCS}/datasources/jaeger/_index.md#node-graph", {"enabled": BOOLEAN}),
            "traceQuery": Keys(
                f"{_DOCS}/datasources/jaeger/_index.md#provision-the-data-source",
                {"timeShiftEnabled": BOOLEAN, "spanStartTimeShift": DURATION, "spanEndTimeShift": DURATION},
            ),
            "spanBar": Keys(f"{_DOCS}/datasources/jaeger/_index.md#span-bar", {"type": TEXT, "tag": TEXT}),
            "traceIdTimeParams": Keys(f"{_DOCS}/datasources/jaeger/_index.md", {"enabled": BOOLEAN}),
            "tracesToLogsV2": Keys(
                f"{_DOCS}/datasources/jaeger/_index.md#trace-to-logs",
                {
                    "datasourceUid": _UID,
                    "spanStartTimeShift": DURATION,
                    "spanEndTimeShift": DURATION,
                    "tags": ListOf(_TAG),
                    "filterByTraceID": BOOLEAN,
                    "filterBySpanID": BOOLEAN,
                    "customQuery": BOOLEAN,
                    "query": TEXT,
                },
                frozenset({"datasourceUid"}),
            ),
            "tracesToMetrics": Keys(
                f"{_DOCS}/datasources/jaeger/_index.md#trace-to-metrics",
                {
                    "datasourceUid": _UID,
                    "spanStartTimeShift": DURATION,
                    "spanEndTimeShift": DURATION,
                    "tags": ListOf(_TAG),
                    "queries": ListOf(
                        Keys(
                            f"{_DOCS}/datasources/jaeger/_index.md#trace-to-metrics",
                            {"name": TEXT, "query": TEXT},
                            frozenset({"query"}),
                        )
                    ),
                },
                frozenset({"datasourceUid"}),
            ),
        },
    ),
    "alertmanager": Keys(
        f"{_DOCS}/datasources/alertmanager/_index.md",
        {"implementation": OneOf(("prometheus", "cortex", "mimir")), "handleGrafanaManagedAlerts": BOOLEAN},
    ),
    "yesoreyeram-infinity-datasource": Keys(
        "grafana/grafana-infinity-datasource: docs/sources/setup/provisioning.md",
        {
            "auth_method": OneOf(("none", "basicAuth", "bearerToken", "apiKey")),
            "allowedHosts": ListOf(URL),
            "tlsSkipVerify": BOOLEAN,
            "timeoutInSeconds": NUMBER,
        },
    ),
}
"""`jsonData` of each type of data source. What Grafana does not know in it, it leaves out without a word."""


@dataclass(frozen=True)
class _Source:
    """A data source, whose `jsonData` goes by its type."""

    common: Keys

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        yield from self.common.findings(value, path)
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in JSON_DATA and "jsonData" in value:
            yield from JSON_DATA[kind].findings(value["jsonData"], (*path, "jsonData"))


@dataclass(frozen=True)
class _Anything:
    """What is looked at elsewhere."""

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} is no mapping")


_ANYTHING = _Anything()

_SOURCE = _Source(
    Keys(
        f"{_PROVISIONING}#data-sources",
        {
            "name": TEXT,
            "uid": _UID,
            "type": OneOf(tuple(JSON_DATA)),
            "access": OneOf(("proxy", "direct")),
            "orgId": NUMBER,
            "url": URL,
            "user": TEXT,
            "basicAuth": BOOLEAN,
            "basicAuthUser": TEXT,
            "withCredentials": BOOLEAN,
            "isDefault": BOOLEAN,
            "jsonData": _ANYTHING,
            "secureJsonData": Keys(
                f"{_PROVISIONING}#secure-json-data",
                {
                    "basicAuthPassword": TEXT,
                    "password": TEXT,
                    "httpHeaderValue1": TEXT,
                    "tlsCACert": TEXT,
                    "tlsClientCert": TEXT,
                    "tlsClientKey": TEXT,
                },
            ),
            "version": NUMBER,
            "editable": BOOLEAN,
        },
        frozenset({"name", "uid", "type", "access", "url"}),
    )
)

SOURCES = Keys(
    f"{_PROVISIONING}#data-sources",
    {
        "apiVersion": NUMBER,
        "prune": BOOLEAN,
        "deleteDatasources": ListOf(Keys(f"{_PROVISIONING}#data-sources", {"name": TEXT, "orgId": NUMBER})),
        "datasources": ListOf(_SOURCE),
    },
    frozenset({"apiVersion", "datasources"}),
)
"""A file of `provisioning/datasources`."""

PROVIDERS = Keys(
    f"{_PROVISIONING}#dashboards",
    {
        "apiVersion": NUMBER,
        "providers": ListOf(
            Keys(
                f"{_PROVISIONING}#dashboards",
                {
                    "name": TEXT,
                    "orgId": NUMBER,
                    "folder": TEXT,
                    "folderUid": _UID,
                    "type": OneOf(("file",)),
                    "disableDeletion": BOOLEAN,
                    "updateIntervalSeconds": NUMBER,
                    "allowUiUpdates": BOOLEAN,
                    "options": Keys(
                        f"{_PROVISIONING}#dashboards",
                        {"path": Text(r"/.+", "whole path"), "foldersFromFilesStructure": BOOLEAN},
                        frozenset({"path"}),
                    ),
                },
                frozenset({"name", "type", "options"}),
            )
        ),
    },
    frozenset({"apiVersion", "providers"}),
)
"""A file of `provisioning/dashboards`."""

_SWITCH = OneOf(("true", "false"))

_INI = "Grafana: conf/defaults.ini"

SETTINGS: Mapping[str, Mapping[str, Kind]] = {
    "analytics": {
        "reporting_enabled": _SWITCH,
        "reporting_distributor": TEXT,
        "check_for_updates": _SWITCH,
        "check_for_plugin_updates": _SWITCH,
        "feedback_links_enabled": _SWITCH,
    },
    "auth.anonymous": {"enabled": _SWITCH, "org_name": TEXT, "org_role": OneOf(("Viewer", "Editor", "Admin"))},
    "log": {"mode": OneOf(("console", "file", "syslog")), "level": TEXT, "filters": TEXT},
    "news": {"news_feed_enabled": _SWITCH},
    "paths": {"data": TEXT, "logs": TEXT, "plugins": TEXT, "provisioning": TEXT, "temp_data_lifetime": DURATION},
    "plugins": {
        "allow_loading_unsigned_plugins": TEXT,
        "disable_plugins": TEXT,
        "enable_alpha": _SWITCH,
        "plugin_admin_enabled": _SWITCH,
        "preinstall": TEXT,
        "preinstall_async": _SWITCH,
        "preinstall_auto_update": _SWITCH,
        "preinstall_disabled": _SWITCH,
    },
    "security": {
        "admin_user": TEXT,
        "admin_password": TEXT,
        "allow_embedding": _SWITCH,
        "cookie_secure": _SWITCH,
        "disable_gravatar": _SWITCH,
        "disable_initial_admin_creation": _SWITCH,
    },
    "server": {"protocol": TEXT, "http_addr": TEXT, "http_port": TEXT, "domain": TEXT, "root_url": URL},
    "users": {"allow_sign_up": _SWITCH, "allow_org_create": _SWITCH, "default_theme": TEXT, "home_page": TEXT},
}
"""Sections and settings of `grafana.ini`. A variable whose name is wrong is one that Grafana never asks for.

The list itself is conf/defaults.ini in Grafana's repository, the words to it are
docs/sources/setup-grafana/configure-grafana/_index.md.
"""


def check_sources(data: Any) -> list[Finding]:
    """What Grafana would not understand in a file of data sources."""
    return list(SOURCES.findings(data, ()))


def check_providers(data: Any) -> list[Finding]:
    """What Grafana would not understand in a file of dashboard providers."""
    return list(PROVIDERS.findings(data, ()))


def check_settings(environment: Mapping[str, str]) -> list[Finding]:
    """Variables that Grafana never asks for, and values that it would not understand.

    `GF_<SECTION>_<SETTING>`, in capitals, with `_` for a dot; with `__FILE` behind it the value is the path of a file
    that holds it: docs/sources/setup-grafana/configure-docker.md.
    """
    known = {
        f"GF_{section}_{setting}".upper().replace(".", "_"): kind
        for section, settings in SETTINGS.items()
        for setting, kind in settings.items()
    }
    files = {f"{name}__FILE": Text(r"/.+", "whole path") for name in known}
    return list(Keys(_INI, {**known, **files}).findings(dict(environment), ()))
