"""What is refused in `stack.systemd`."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import render, varied, varied_text
from support.samples import load_sample, problems_in
from tapewatch.renderers.systemd import SystemdRenderer


def codes(systemd: dict[str, Any], **stack: Any) -> list[str]:
    text = varied_text(lambda data: data["stack"].update(systemd=systemd, **stack))
    problems = problems_in(text)
    assert all(problem.where.line and problem.fix for problem in problems)
    return [problem.code for problem in problems]


def test_without_any_setting_it_is_right() -> None:
    assert codes({}) == []


@pytest.mark.parametrize("cores", ["", "a", "0-", "0,,1", "-1"])
def test_processors_that_are_no_list_are_refused(cores: str) -> None:
    assert codes({"cores": cores}) == ["catalogue/bad-value"]


def test_programs_lie_in_a_whole_path() -> None:
    assert codes({"programs": "bin"}) == ["catalogue/bad-value"]


def test_less_memory_than_a_part_needs_is_refused() -> None:
    assert codes({"memory": {"prometheus": "100MB"}}) == ["catalogue/systemd-memory"]
    assert codes({"memory": {"prometheus": "1GB"}}) == []


def test_native_units_are_one_of_each_on_loopback() -> None:
    assert codes({}, high_availability={}) == ["catalogue/systemd-members"]
    assert codes({"network": "10.0.7.0/24", "hosts": {"a": "10.0.7.11"}}) == ["catalogue/systemd-members"]
    assert codes({}, bind="10.0.0.5") == ["catalogue/systemd-bind"]


HOSTS = {"a": "10.0.7.11", "b": "10.0.7.12", "c": "10.0.7.13"}
NETWORK = {"network": "10.0.7.0/24", "hosts": HOSTS}
HISTORY = {"address": "10.0.7.11:8000", "key_file": "/run/secrets/history-key"}


def on_hosts(systemd: dict[str, Any], **stack: Any) -> list[str]:
    return codes(systemd, **{"high_availability": {}, "history": HISTORY, **stack})


def test_members_have_hosts_in_a_private_network() -> None:
    assert on_hosts(NETWORK) == []
    assert on_hosts({"hosts": HOSTS}) == ["catalogue/systemd-network"]
    for network in ("8.8.8.0/24", "127.0.0.0/8", "0.0.0.0/0", "10.0.7.11/24", "lan"):
        assert on_hosts({**NETWORK, "network": network}) == ["catalogue/bad-value"]


def test_each_member_has_a_host_and_each_host_an_address_of_its_own() -> None:
    def of(**hosts: str) -> list[str]:
        return on_hosts({**NETWORK, "hosts": {**HOSTS, **hosts}})

    assert on_hosts({**NETWORK, "hosts": {"a": "10.0.7.11", "b": "10.0.7.12"}}) == ["catalogue/systemd-hosts"]
    assert of(d="10.0.7.14") == ["catalogue/systemd-hosts"]
    assert of(c="10.0.7.12") == ["catalogue/systemd-hosts"]
    assert of(c="10.0.8.13") == ["catalogue/systemd-hosts"]
    assert of(c="prometheus-c") == ["catalogue/bad-bind"]


def test_a_history_that_others_reach_is_on_the_first_host_and_asks_for_its_key() -> None:
    assert on_hosts(NETWORK, history={**HISTORY, "address": "10.0.7.12:8000"}) == ["catalogue/systemd-history"]
    assert on_hosts(NETWORK, history={**HISTORY, "key_file": None}) == ["catalogue/systemd-history"]


def test_folders_of_members_are_for_containers() -> None:
    folders = {"prometheus": ["/srv/one", "/srv/two"]}
    assert on_hosts(NETWORK, high_availability={"data": folders}) == ["catalogue/systemd-data"]


def test_each_host_listens_on_its_own_address_and_knows_the_others() -> None:
    def change(data: dict[str, Any]) -> None:
        data["stack"].update(systemd=NETWORK, high_availability={}, history=HISTORY)

    files = render(SystemdRenderer(), varied(change))
    unit = files["provisioning/systemd/b/etc/systemd/system/tapewatch-alertmanager.service"]
    loki = files["provisioning/systemd/a/etc/systemd/system/tapewatch-loki.service"]

    for flag in (
        "--web.listen-address=10.0.7.12:19093",
        "--web.external-url=http://10.0.7.12:19093/",
        "--cluster.listen-address=10.0.7.12:19094",
        "--cluster.peer=10.0.7.11:19094",
        "--cluster.peer=10.0.7.13:19094",
        "--storage.path=/var/lib/tapewatch/alertmanager",
    ):
        assert f" {flag}" in unit
    assert "IPAddressAllow=localhost 10.0.7.0/24" in loki.splitlines()
    assert not [path for path in files if "/c/etc" in path and "loki" in path]


def of_services(cores: str | None = "0-1", **units: dict[str, Any]) -> list[str]:
    """The codes, and what each says, where the services have these units."""

    def change(data: dict[str, Any]) -> None:
        data["stack"]["systemd"] = {"cores": cores} if cores else {}
        for name, unit in units.items():
            data["services"][name.replace("_", "-")]["unit"] = unit

    problems = problems_in(varied_text(change))
    assert all(problem.where.line and problem.fix for problem in problems)
    return [f"{problem.code}: {problem.summary}" for problem in problems]


def test_a_service_keeps_off_the_processors_of_the_stack() -> None:
    unit = {"name": "md.service", "cores": "1-3"}

    assert of_services(market_data=unit) == [
        "catalogue/service-cores: processor 1 would be the stack's as well (`stack.systemd.cores` is 0-1)"
    ]
    assert of_services(market_data={**unit, "cores": "2,3"}) == []
    (found,) = of_services(None, market_data=unit)
    assert "the stack may run on the processors 1-3 too, since it has none of its own" in found


def test_a_unit_belongs_to_one_service_and_never_to_the_stack() -> None:
    unit = {"name": "md.service"}

    assert of_services(market_data=unit, risk_manager=unit) == [
        "catalogue/service-unit: `md.service` is a unit of the service `market-data`"
    ]
    assert of_services(market_data={"name": "tapewatch-loki.service"}) == [
        "catalogue/service-unit: `tapewatch-loki.service` is a unit of the stack"
    ]
    assert "catalogue/bad-value" in of_services(market_data={"name": "../md.service"})[0]
    assert "catalogue/bad-value" in of_services(market_data={"name": "md.service", "capabilities": ["NET_RAW"]})[0]


def test_limits_and_processors_stand_in_the_unit() -> None:
    catalogue = varied(lambda data: data["stack"].update(systemd={"cores": "0-1,4", "memory": {"loki": "2GB"}}))
    unit = render(SystemdRenderer(), catalogue)["provisioning/systemd/etc/systemd/system/tapewatch-loki.service"]

    assert "CPUAffinity=0-1,4" in unit.splitlines()
    assert f"MemoryMax={2 << 30}" in unit.splitlines()


def test_only_who_calls_the_history_has_its_key() -> None:
    def change(data: dict[str, Any]) -> None:
        history = {"address": "127.0.0.1:8000", "key_file": "/run/secrets/history-key"}
        data["stack"].update(systemd={}, history=history)

    units = {
        path.rpartition("/")[2]: text
        for path, text in render(SystemdRenderer(), varied(change)).items()
        if path.endswith(".service")
    }

    assert sorted(name for name, text in units.items() if "history-key" in text) == [
        "tapewatch-alertmanager.service", "tapewatch-history.service", "tapewatch-prometheus.service"
    ]  # fmt: skip


def test_a_jaeger_whose_traces_lie_elsewhere_may_get_there() -> None:
    def unit(**stack: Any) -> list[str]:
        catalogue = varied(lambda data: data["stack"].update(systemd={}, **stack))
        path = "provisioning/systemd/etc/systemd/system/tapewatch-jaeger.service"
        return render(SystemdRenderer(), catalogue)[path].splitlines()

    assert "IPAddressDeny=any" in unit()
    assert "IPAddressDeny=any" not in unit(traces={"engine": "cassandra", "servers": ["traces-1.example.com:9042"]})


def test_without_the_section_nothing_is_written() -> None:
    assert render(SystemdRenderer(), load_sample()) == {}
