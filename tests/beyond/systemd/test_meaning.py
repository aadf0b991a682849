"""What the units of a host read means what compose's files mean: targets, rules, routes, data sources."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from support.beyond import rendered, rich
from support.meaning import differences, read_files
from support.rendering import varied
from tapewatch import layout


def native(data: dict[str, Any]) -> None:
    rich()(data)
    data["stack"].pop("high_availability", None)
    data["stack"] |= {"systemd": {}, "bind": "127.0.0.1"}


def on_hosts(data: dict[str, Any]) -> None:
    rich()(data)
    data["stack"].pop("kubernetes", None)
    data["stack"] |= {
        "systemd": {"network": "10.0.7.0/24", "hosts": {"a": "10.0.7.11", "b": "10.0.7.12", "c": "10.0.7.13"}},
        "bind": "127.0.0.1",
    }
    history = data["stack"]["history"]
    before, history["address"] = history.get("address", "api:8000"), "10.0.7.11:8000"
    for service in data["services"].values():
        if service.get("address") == before:
            service["address"] = "10.0.7.11:8000"


def by_name(units: Path, host: Path) -> None:
    """Put in the place of a unit's credentials the files that the unit says it loads them from."""
    for file in sorted(host.rglob("*.yml")):
        text = file.read_text()
        for unit in units.glob("*.service"):
            for line in unit.read_text().splitlines():
                if line.startswith("LoadCredential="):
                    name, _, source = line.removeprefix("LoadCredential=").partition(":")
                    catalogued = source.replace("/etc/tapewatch/secrets/", "/run/secrets/")
                    made = catalogued.replace("/run/secrets/api-key", "/run/tapewatch/history/api-key")
                    text = re.sub(
                        rf"/run/credentials/{re.escape(unit.name)}/{re.escape(name)}$", made, text, flags=re.M
                    )
        file.write_text(text)


def test_units_mean_what_compose_means(tmp_path: Path) -> None:
    catalogue, project = varied(native), rendered(tmp_path / "project", native)
    shutil.copytree(project / layout.SYSTEMD / "etc/tapewatch", tmp_path / "host/provisioning")

    by_name(project / layout.SYSTEMD / "etc/systemd/system", tmp_path / "host")

    compose = read_files("compose", project, catalogue)
    units = read_files("systemd", tmp_path / "host", catalogue)

    assert min(len(facts) for facts in compose.facts.values()) >= 1
    assert differences(compose, units) == []


def test_every_host_means_what_compose_means_with_all_its_members(tmp_path: Path) -> None:
    catalogue, project = varied(on_hosts), rendered(tmp_path / "project", on_hosts)
    compose = read_files("compose", project, catalogue)
    for letter in "ab":
        etc, host = project / layout.SYSTEMD / letter / "etc", tmp_path / letter
        shutil.copytree(project / layout.SYSTEMD / "a/etc/tapewatch", host / "provisioning")
        shutil.copytree(etc / "tapewatch", host / "provisioning", dirs_exist_ok=True)
        by_name(etc / "systemd/system", host)
        by_name(project / layout.SYSTEMD / "a/etc/systemd/system", host)

        assert differences(compose, read_files(f"host {letter}", host, catalogue)) == []


def test_hosts_have_the_same_files_and_differ_in_units_alone(tmp_path: Path) -> None:
    """So whichever Prometheus or Alertmanager is alive does the whole work."""
    project = rendered(tmp_path / "project", on_hosts)
    roots = {letter: project / layout.SYSTEMD / letter / "etc/tapewatch" for letter in "abc"}
    files = {
        letter: {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*.*") if path.is_file()}
        for letter, root in roots.items()
    }

    assert {path.split("/")[0] for path in files["a"]} > {"prometheus", "alertmanager", "grafana", "loki", "jaeger"}
    assert {path.split("/")[0] for path in files["b"]} == {"prometheus", "alertmanager", "history"}
    assert {path.split("/")[0] for path in files["c"]} == {"alertmanager"}
    assert files["c"].items() <= files["b"].items() <= files["a"].items()
