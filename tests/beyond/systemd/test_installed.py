"""`tapewatch systemd install` and `remove` on a booted systemd."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.pages import page
from support.machine import Machine
from support.native_host import PROGRAMS, RUN, SECRETS, generate, machine_files
from support.waiting import wait_for
from tapewatch.project import open_project
from tapewatch.writing import apply

pytestmark = [
    pytest.mark.needs("systemd", *PROGRAMS),
    pytest.mark.skipif(
        not os.environ.get("TAPEWATCH_NIGHTLY"),
        reason="boots a systemd of its own, which not every machine lets one; TAPEWATCH_NIGHTLY=1 runs it",
    ),
]

PAGE = page("production/systemd.md")


def of_the_page(data: dict[str, Any]) -> None:
    data["stack"].pop("heartbeat")
    data["stack"] |= yaml.safe_load(PAGE.blocks[0].text)["stack"]


def threshold(data: dict[str, Any]) -> None:
    data["alerts"] = {"OrderRejectionRateHigh": {"threshold": 0.05}}


def memory(data: dict[str, Any]) -> None:
    data["stack"]["systemd"]["memory"] = {"loki": "2GB"}


def broken(project: Path) -> Path:
    """A project whose Prometheus configuration no Prometheus takes."""
    files = open_project(generate(project)).render()
    path = "provisioning/systemd/etc/tapewatch/prometheus/prometheus.yml"
    apply(project, {**files, path: "scrape_configs: 7\n"})
    return project


Boot = Callable[..., Machine]


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Boot]:
    """Boots a machine that has projects at /srv/NAME: of each nothing but `provisioning/`."""
    booted: list[Machine] = []

    def start(secrets: bool = True, **projects: Path) -> Machine:
        files = machine_files(tmp_path)
        files |= {each / "provisioning": f"/srv/{name}/provisioning" for name, each in projects.items()}
        machine = Machine(tmp_path, files)
        booted.append(machine.__enter__())
        if secrets:
            machine.run("install", "--directory", "--mode=0700", "/etc/tapewatch/secrets")
            for name, text in SECRETS.items():
                machine.run("sh", "-c", f"printf %s '{text}' > /etc/tapewatch/secrets/{name}")
        return machine

    yield start
    for each in booted:
        each.__exit__(None, None, None)


def tapewatch(machine: Machine, command: str, project: str = "first") -> tuple[int, str]:
    """Exit code, and all that is said in one line."""
    said = machine.run("sh", "-c", f'cd /srv/{project}; export COLUMNS=80\n{command}\necho "= $?"', timeout=300.0)
    text, _, code = said.rpartition("= ")
    return int(code), " ".join(text.split())


def states(machine: Machine) -> dict[str, str]:
    said = machine.run("systemctl", "is-active", *(f"tapewatch-{part}.service" for part in RUN), check=False)
    return dict(zip(RUN, said.split(), strict=True))


def processes(machine: Machine) -> dict[str, str]:
    names = [f"tapewatch-{part}.service" for part in RUN]
    said = machine.run("systemctl", "show", "--property=MainPID", "--value", *names).split()
    return dict(zip(RUN, said, strict=True))


def asked(machine: Machine, url: str) -> str:
    return machine.run("python3", "-c", f"import urllib.request as r; print(r.urlopen('{url}').read().decode())")


def test_the_page_word_for_word(boot: Boot, tmp_path: Path) -> None:
    machine = boot(secrets=False, first=generate(tmp_path / "first", of_the_page))
    shown, applied, secrets, image, update, removal, with_data = (
        block.text for block in PAGE.blocks if block.language == "sh"
    )

    code, said = tapewatch(machine, shown)
    assert (code, "nothing was changed; --apply does it" in said) == (1, True)
    assert machine.run("ls", "/etc/tapewatch", check=False).startswith("ls: ")

    code, said = tapewatch(machine, applied)
    assert (code, "error[systemd/missing-secret]" in said) == (1, True)
    assert {part for part, state in states(machine).items() if state != "active"} == {
        "alertmanager", "prometheus", "history"
    }  # fmt: skip

    code, said = tapewatch(machine, secrets)
    assert code == 0, said
    assert "grafana is missing, so tapewatch-grafana.service is left out" in said
    assert set(states(machine).values()) == {"active"}
    assert machine.run("systemctl", "is-active", "tapewatch.target") == "active\n"
    assert machine.run("systemctl", "--failed", "--quiet", "--plain").strip() == ""

    code, said = tapewatch(machine, image)
    assert code == 0, said
    assert "tapewatch-loki.service" in machine.run("ls", "/tmp/image/etc/systemd/system")

    code, said = tapewatch(machine, update)
    assert code == 0
    assert said.startswith("nothing to do")

    code, said = tapewatch(machine, removal)
    assert code == 0, said
    assert "stays /var/lib/tapewatch: data stays /var/log/tapewatch: logs" in said
    assert set(states(machine).values()) == {"inactive"}
    assert "tapewatch" not in machine.run("ls", "/etc/systemd/system", "/etc/sysusers.d", "/etc/tmpfiles.d")
    assert "wal" in machine.run("ls", "/var/lib/tapewatch/prometheus")

    code, said = tapewatch(machine, with_data)
    assert (code, "deleted /var/lib/tapewatch/prometheus: metrics" in said) == (0, True)
    assert machine.run("ls", "/var/lib/tapewatch", "/var/log/tapewatch").split() == [
        "/var/lib/tapewatch:", "/var/log/tapewatch:"
    ]  # fmt: skip


def test_an_update_touches_only_what_it_concerns(boot: Boot, tmp_path: Path) -> None:
    machine = boot(
        first=generate(tmp_path / "first"),
        tighter=generate(tmp_path / "tighter", threshold),
        larger=generate(tmp_path / "larger", threshold, memory),
        broken=broken(tmp_path / "broken"),
    )
    assert tapewatch(machine, "tapewatch systemd install --apply")[0] == 1, "Grafana's password is missing"
    before = processes(machine)
    assert "0" not in before.values()

    code, said = tapewatch(machine, "tapewatch systemd install --apply", "tighter")
    assert "reloaded tapewatch-prometheus.service: /etc/tapewatch/prometheus/rules/execution.yml changed" in said
    assert processes(machine) == before
    rules = asked(machine, "http://127.0.0.1:9090/api/v1/rules?rule_name[]=OrderRejectionRateHigh")
    assert "0.05" in rules
    assert "nothing to do" in tapewatch(machine, "tapewatch systemd install", "tighter")[1]

    code, said = tapewatch(machine, "tapewatch systemd install --apply", "larger")
    after = processes(machine)
    assert "restarted tapewatch-loki.service: /etc/systemd/system/tapewatch-loki.service changed" in said
    assert [part for part in RUN if after[part] != before[part]] == ["loki"]
    assert machine.run("systemctl", "show", "--value", "--property=MemoryMax", "tapewatch-loki") == f"{2 << 30}\n"

    code, said = tapewatch(machine, "tapewatch systemd install --apply", "broken")
    assert (code, "error[systemd/not-reloaded]: tapewatch-prometheus.service refused its new files" in said) == (
        1,
        True,
    )
    assert processes(machine)["prometheus"] == before["prometheus"]
    again = tapewatch(machine, "tapewatch systemd install", "broken")[1]
    assert "reload tapewatch-prometheus.service: it refused its files the last time" in again

    tapewatch(machine, "tapewatch systemd install --apply", "tighter")
    machine.run("sh", "-c", "echo another-key-that-is-long-enough > /etc/tapewatch/secrets/history-key")
    said = tapewatch(machine, "tapewatch systemd install", "tighter")[1]
    assert (
        "restart tapewatch-alertmanager.service, tapewatch-history.service, tapewatch-prometheus.service:"
        " /etc/tapewatch/secrets/history-key changed"
    ) in said


def test_a_run_that_is_killed_while_units_start_is_completed_by_the_next_one(boot: Boot, tmp_path: Path) -> None:
    machine = boot(first=generate(tmp_path / "first"))
    install = "cd /srv/first && echo $$ > /tmp/install && exec tapewatch systemd install --apply"
    running = subprocess.Popen(
        machine.command("sh", "-c", install), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def begun() -> bool:
        return "activating" in machine.run("systemctl", "list-units", "--all", "--plain", "tapewatch-*", check=False)

    wait_for("a unit begins to start", begun, 30.0)
    machine.run("systemctl", "stop", "--no-block", "tapewatch-loki.service", "tapewatch-jaeger.service", check=False)
    machine.run("sh", "-c", "kill -KILL $(cat /tmp/install)")
    running.wait(10.0)

    tapewatch(machine, "tapewatch systemd install --apply")

    assert set(states(machine).values()) == {"active"}
    assert "nothing to do" in tapewatch(machine, "tapewatch systemd install")[1]
