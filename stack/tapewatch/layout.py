"""Where each generated file goes, relative to the project; renderers, tests and compose agree on it here."""

from __future__ import annotations

__all__ = [
    "ALERTMANAGER",
    "ALLOY",
    "COMPOSE",
    "DASHBOARDS",
    "ENGINE_RULES",
    "GRAFANA",
    "HEADER",
    "JAEGER",
    "KUBERNETES",
    "LOKI",
    "LONG_TERM",
    "MANIFEST",
    "NATIVE_CONFIG",
    "NATIVE_DATA",
    "NATIVE_LOGS",
    "PROMETHEUS",
    "PROVISIONING",
    "RULES",
    "RULE_FOLDERS",
    "SCHEMA",
    "SYSTEMD",
    "TARGETS",
    "TESTS",
    "TESTS_TO",
]

PROVISIONING = "provisioning"
PROMETHEUS = f"{PROVISIONING}/prometheus"
RULES = f"{PROMETHEUS}/rules"
TARGETS = f"{PROMETHEUS}/targets"
TESTS = f"{PROMETHEUS}/tests"
ALERTMANAGER = f"{PROVISIONING}/alertmanager"
GRAFANA = f"{PROVISIONING}/grafana"
DASHBOARDS = f"{GRAFANA}/dashboards"
LOKI = f"{PROVISIONING}/loki"
LONG_TERM = f"{PROVISIONING}/long-term"
ENGINE_RULES = f"{LONG_TERM}/rules"
RULE_FOLDERS = (f"{RULES}/", f"{ENGINE_RULES}/")
"""Begin the path of every file of rules, whoever evaluates them."""
KUBERNETES = f"{PROVISIONING}/kubernetes"
JAEGER = f"{PROVISIONING}/jaeger"
ALLOY = f"{PROVISIONING}/alloy"
SYSTEMD = f"{PROVISIONING}/systemd"
SCHEMA = f"{PROVISIONING}/catalogue.schema.json"
MANIFEST = f"{PROVISIONING}/manifest.json"
COMPOSE = "docker-compose.yml"

NATIVE_CONFIG = "/etc/tapewatch"
"""Where the parts' configuration lies on a host without containers."""
NATIVE_DATA = "/var/lib/tapewatch"
"""Where they keep their data there, each in a folder of its own."""
NATIVE_LOGS = "/var/log/tapewatch"

TESTS_TO = {RULES: "../rules", ENGINE_RULES: "../../long-term/rules"}
"""The way from the folder of unit tests to each folder of rules."""

HEADER = "Made by `tapewatch generate` from catalogue.yaml. Do not edit: change the catalogue and generate again."
"""First line of every generated file that can hold a comment."""
