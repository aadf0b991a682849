"""Reads the three renderings: files as compose and native servers have them, objects, and what the operator wrote."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from support.meaning._alertmanager import add_routes
from support.meaning._grafana import add_dashboards, add_sources
from support.meaning._model import KINDS, Meaning
from support.meaning._objects import rules_of, scraping_of
from support.meaning._prometheus import Own, add_rules, add_settings, add_targets, secret_of
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import PARTS
from tapewatch.renderers.secrets import secrets_of

__all__ = ["read_files", "read_objects", "read_operated"]

Data = dict[str, Any]


def read_files(name: str, root: Path, catalogue: Catalogue) -> Meaning:
    """The files of compose, or of native servers.

    Parameters:
        name: of the rendering.
        root: the folder that holds `provisioning`.
        catalogue: what was rendered.
    """
    prometheus, alertmanager = f"{layout.PROMETHEUS}/prometheus.yml", f"{layout.ALERTMANAGER}/alertmanager.yml"
    sources = f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml"
    meaning = Meaning(name, _homes(name, prometheus, layout.RULES, alertmanager, sources, layout.DASHBOARDS))
    config = _yaml(root / prometheus)

    def groups(file: str) -> list[Data]:
        path = root / layout.PROMETHEUS / file
        return _yaml(path) if path.exists() else []

    secret = secret_of(_files(catalogue))
    add_targets(meaning, config, f"{name}/{prometheus}", _own(catalogue), groups, secret)
    add_settings(meaning, config, f"{name}/{prometheus}", _replica(catalogue), secret)
    for path in sorted((root / layout.RULES).glob("*.yml")):
        add_rules(meaning, _yaml(path)["groups"], f"{name}/{path.relative_to(root)}")
    add_routes(meaning, _yaml(root / alertmanager), f"{name}/{alertmanager}", _teams(catalogue))
    add_sources(meaning, _yaml(root / sources), f"{name}/{sources}")
    add_dashboards(
        meaning,
        {
            f"{name}/{path.relative_to(root)}": path.read_text()
            for path in sorted((root / layout.DASHBOARDS).rglob("*.json"))
        },
    )
    return meaning


def read_objects(name: str, objects: Mapping[str, Data], catalogue: Catalogue) -> Meaning:
    """The objects of a cluster, by their files."""
    root = layout.KUBERNETES
    meaning = Meaning(name, _homes(
        name, f"{root}/scrapeconfig", f"{root}/prometheusrule", f"{root}/secret/alertmanager-configuration.yaml",
        f"{root}/configmap/grafana-datasources.yaml", f"{root}/configmap",
    ))  # fmt: skip
    config = scraping_of(objects, name)
    secret = secret_of(_files(catalogue))
    add_targets(meaning, config, f"{name}/{root}/prometheus/tapewatch.yaml", _own(catalogue), lambda _: [], secret)
    add_settings(meaning, config, f"{name}/{root}/prometheus/tapewatch.yaml", _replica(catalogue), secret)
    for path, groups in rules_of(objects):
        add_rules(meaning, groups, f"{name}/{path}", "spec.groups")
    path, text = _told(objects, "Secret", "alertmanager-configuration", "alertmanager.yaml")
    add_routes(
        meaning, yaml.safe_load(base64.b64decode(text)), f"{name}/{path}: data.alertmanager.yaml", _teams(catalogue)
    )
    _grafana(meaning, name, objects)
    return meaning


def read_operated(
    name: str,
    written: Data,
    rules: Mapping[str, str],
    alertmanager: Data,
    objects: Mapping[str, Data],
    catalogue: Catalogue,
) -> Meaning:
    """What the operator wrote; dashboards and data sources are taken from the objects, which it leaves alone.

    Parameters:
        name: of the rendering.
        written: Prometheus's configuration.
        rules: text of each file of rules.
        alertmanager: Alertmanager's configuration.
        objects: as for `read_objects`.
        catalogue: what was rendered.
    """
    meaning = Meaning(name, _homes(
        name, "prometheus.yaml", "prometheus-tapewatch-rulefiles-0", "alertmanager.yaml", "configmap", "configmap"
    ))  # fmt: skip
    certs = "/etc/prometheus/certs/0_monitoring_tapewatch_"
    values = {f"{certs}{key}": key for key in ("ca", "certificate", "key")}
    secret = secret_of({**_files(catalogue), **values})
    add_targets(meaning, written, f"{name}/prometheus.yaml", _own(catalogue), lambda _: [], secret)
    add_settings(meaning, written, f"{name}/prometheus.yaml", _replica(catalogue), secret)
    for file, text in sorted(rules.items()):
        add_rules(meaning, yaml.safe_load(text)["groups"], f"{name}/{file}")
    add_routes(meaning, alertmanager, f"{name}/alertmanager.yaml", _teams(catalogue))
    _grafana(meaning, name, objects)
    return meaning


def _grafana(meaning: Meaning, name: str, objects: Mapping[str, Data]) -> None:
    path, text = _told(objects, "ConfigMap", "grafana-datasources", "tapewatch.yaml")
    add_sources(meaning, yaml.safe_load(text), f"{name}/{path}: data.tapewatch.yaml")
    boards = {
        f"{name}/{path}: data.{key}": text
        for path, each in objects.items()
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
        for key, text in each["data"].items()
    }
    add_dashboards(meaning, boards)


def _told(objects: Mapping[str, Data], kind: str, name: str, key: str) -> tuple[str, str]:
    return next(
        (path, each["data"][key])
        for path, each in objects.items()
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )


def _homes(name: str, prometheus: str, rules: str, alertmanager: str, sources: str, dashboards: str) -> dict[str, str]:
    homes = dict.fromkeys(KINDS, f"{name}/{alertmanager}")
    homes.update(setting=f"{name}/{prometheus}", target=f"{name}/{prometheus}", rule=f"{name}/{rules}")
    homes.update({"data source": f"{name}/{sources}", "dashboard": f"{name}/{dashboards}"})
    return homes


def _own(catalogue: Catalogue) -> Own:
    history = catalogue.stack.history
    names = [name for name, each in catalogue.services.items() if history and history.address in each.targets]
    return Own(PARTS, names[0] if names else "")


def _files(catalogue: Catalogue) -> dict[str, str]:
    """What each file that the catalogue names is called as a secret."""
    history = catalogue.stack.history
    found = {f"/run/secrets/{name}": name for name in _secret_names(catalogue)}
    return {**found, **({history.key_file: "history-api-key"} if history and history.key_file else {})}


def _secret_names(catalogue: Catalogue) -> set[str]:
    return {name for names in secrets_of(catalogue).values() for name in names}


def _replica(catalogue: Catalogue) -> str:
    ha = catalogue.stack.high_availability
    return ha.replica_label if ha else ""


def _teams(catalogue: Catalogue) -> list[str]:
    return sorted({each.team for each in catalogue.services.values()} | {"a-team-without-receivers"})


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
