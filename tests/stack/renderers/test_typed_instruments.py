"""The generated Python module: what it declares, what it refuses, what a type checker says, and how it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sdk.typed.odd import odd, with_domains
from sdk.typed.workout import domains_of, generated, loaded, update
from support.rendering import render, varied
from support.samples import ROOT, load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.instruments import INSTRUMENTS, InstrumentsRenderer
from tapewatch.renderers.instruments.names import class_name, module_name
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import MetricsRegistry, generate_text

MODULE = f"{INSTRUMENTS}/trading_metrics.py"

USES = """\
from trading_metrics import Host, MarketData
from tapewatch_sdk.instruments import CounterSeries, GaugeSeries, HistogramSeries, MetricsRegistry

registry = MetricsRegistry()
market, host = MarketData(registry), Host(registry, series_budget=5)
ticks: CounterSeries = market.market_data_ticks_received_total.labels(symbol="BTC-USD")
ticks.inc()
depth: GaugeSeries = market.market_data_orderbook_depth.labels(symbol="BTC-USD")
latency: HistogramSeries = market.market_data_processing_latency_ms.labels(symbol="BTC-USD")
latency.observe(0.2)
host.system_uptime_seconds.set(1)
market.market_data_price.remove(symbol="BTC-USD")
unit: str = MarketData.market_data_price.unit

market.market_data_tick_received_total  # attr-defined
market.market_data_price.labels()  # call-arg
market.market_data_price.labels(symbl="BTC-USD")  # call-arg
market.market_data_price.labels(symbol="BTC-USD", side="buy")  # call-arg
market.market_data_price.labels("BTC-USD")  # call-arg
market.market_data_price.labels(symbol=7)  # arg-type
market.market_data_price.remove()  # call-arg
market.market_data_price.set(1)  # attr-defined
ticks.observe(1)  # attr-defined
ticks.inc("1")  # arg-type
depth.observe(1)  # attr-defined
latency.inc()  # attr-defined
host.system_uptime_seconds.labels(symbol="BTC-USD")  # operator
host.system_uptime_seconds = 3  # assignment
wrong: GaugeSeries = market.market_data_ticks_received_total.labels(symbol="BTC-USD")  # assignment
Host("registry")  # arg-type
"""
"""Right uses, then wrong ones with the errors that a type checker must find in their line."""


def mypy(folder: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """mypy over some files, strictly, with the generated module of a folder."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            f"--cache-dir={folder / 'cache'}",
            *map(str, files),
        ],
        cwd=folder,
        env={**os.environ, "MYPYPATH": f"{folder}:{ROOT / 'sdk'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def ruff(*arguments: str, folder: Path) -> str:
    """What ruff has to say with this repository's settings; nothing when all is well."""
    command = [sys.executable, "-m", "ruff", *arguments, f"--config={ROOT / 'pyproject.toml'}", "--no-cache", "--quiet"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def budgeted(data: dict[str, Any]) -> None:
    data["services"]["risk-manager"]["series_budget"] = 3
    data["defaults"]["series_budget"] = 20
    data["domains"]["unused"] = {"unused_depth": {"type": "gauge", "labels": ["symbol"]}}


def problem_codes(catalogue: Catalogue) -> dict[str, str]:
    """Code -> summary of what the renderer refuses."""
    with pytest.raises(ProblemsError) as raised:
        render(InstrumentsRenderer(), catalogue)
    return {problem.code: problem.summary for problem in raised.value.problems}


def test_the_same_catalogue_gives_the_same_bytes_with_a_header() -> None:
    files = render(InstrumentsRenderer(), load_sample())

    assert list(files) == [MODULE, f"{INSTRUMENTS}/metrics.rs"]
    assert files == render(InstrumentsRenderer(), load_sample())
    assert files[MODULE].startswith(f"# {layout.HEADER}\n")
    assert files[f"{INSTRUMENTS}/metrics.rs"].startswith(f"// {layout.HEADER}\n")


@pytest.mark.parametrize("catalogue", [load_sample(), odd()], ids=["sample", "odd"])
def test_every_family_is_exposed_as_it_is_declared(catalogue: Catalogue, tmp_path: Path) -> None:
    registry = MetricsRegistry(strict=True)
    update(loaded(generated(catalogue, tmp_path)), registry, catalogue)
    exposed = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: metric
        for metric in text_string_to_metric_families(generate_text(registry).decode())
    }

    assert list(exposed) == list(catalogue.families)
    for name, family in catalogue.families.items():
        metric = exposed[name]
        assert (metric.type, metric.documentation) == (family.type, family.help)
        assert {tuple(sorted(sample.labels.keys() - {"le"})) for sample in metric.samples} == {
            tuple(sorted(family.labels))
        }
        bounds = {float(sample.labels["le"]) for sample in metric.samples if "le" in sample.labels}
        assert bounds == ({*family.buckets, float("inf")} if family.type is MetricType.HISTOGRAM else set())


def test_a_right_use_passes_the_type_checker_and_each_wrong_one_does_not(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    (folder / "uses.py").write_text(USES)
    done = mypy(folder, folder / "uses.py")

    found: dict[int, set[str]] = {}
    for line, code in re.findall(r"^uses\.py:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE):
        found.setdefault(int(line), set()).add(code)
    expected = {
        number: set(line.partition("  # ")[2].split())
        for number, line in enumerate(USES.splitlines(), 1)
        if "  # " in line
    }
    assert found == expected, done.stdout


@pytest.mark.parametrize("catalogue", [load_sample(), odd(), with_domains({})], ids=["sample", "odd", "empty"])
def test_the_module_is_strictly_typed_and_formatted(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = generated(catalogue, tmp_path)

    assert ruff("format", "--diff", folder=folder) == ""
    assert ruff("check", folder=folder) == ""
    done = mypy(folder, *folder.glob("*.py"))
    assert done.returncode == 0, done.stdout


def test_an_editor_shows_help_and_unit_beside_each_family() -> None:
    text = render(InstrumentsRenderer(), load_sample())[MODULE]

    assert '    """Last price traded. In usd."""\n' in text


def test_a_new_service_of_the_same_budget_changes_neither_module() -> None:
    def add(data: dict[str, Any]) -> None:
        data["services"]["execution-dark"] = {"address": "dark:9200", "emits": ["execution", "host"], "team": "trading"}

    assert render(InstrumentsRenderer(), varied(add)) == render(InstrumentsRenderer(), load_sample())


def test_the_budget_is_the_one_of_the_services_that_emit_a_domain(tmp_path: Path) -> None:
    module = loaded(generated(varied(budgeted), tmp_path))
    registry = MetricsRegistry()
    families = {
        "risk_position_size": module.Risk(registry).risk_position_size,
        "market_data_price": module.MarketData(registry).market_data_price,
        "unused_depth": module.Unused(registry).unused_depth,
    }
    for family in families.values():
        for number in range(25):
            family.labels(symbol=str(number)).set(1)

    text = generate_text(registry).decode()
    assert {name: text.count(f"\n{name}{{") for name in families} == {
        "risk_position_size": 3,
        "market_data_price": 20,
        "unused_depth": 20,
    }
    assert 'family="risk_position_size",reason="series_budget"} 22.0' in text
    assert module.Host._budget == 3, "the smallest of all services that emit it"
    assert "a service with a larger budget says so" in " ".join(module.Host.__doc__.split())


def test_two_domains_live_in_one_registry(tmp_path: Path) -> None:
    module, registry = loaded(generated(load_sample(), tmp_path)), MetricsRegistry()
    module.Risk(registry), module.Host(registry), module.Host(registry)

    assert len(registry.instruments()) == sum(len(domains_of(load_sample())[name]) for name in ("risk", "host"))


def test_importing_the_module_makes_nothing_and_loads_nothing_heavy(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    code = (
        "import sys, trading_metrics; from tapewatch_sdk.instruments import REGISTRY; "
        "print(len(REGISTRY.instruments()), sorted({'prometheus_client', 'pydantic', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "0 []"


def test_every_family_without_help_is_described_all_the_same() -> None:
    text = render(InstrumentsRenderer(), with_domains({"a": {"a_depth": {"type": "gauge"}}}))[MODULE]

    assert '    a_depth = typed.gauge("a_depth", "")\n    """A gauge."""\n' in text


@pytest.mark.parametrize(
    ("domains", "summary"),
    [
        ({"a": {"a:b": {"type": "gauge"}, "a__b": {"type": "gauge"}}}, "`a:b` and `a__b` would both be called `a__b`"),
        ({"a": {"class": {"type": "gauge"}, "class_": {"type": "gauge"}}}, "would both be called `class_`"),
        ({"a": {"fn": {"type": "gauge"}, "fn_": {"type": "gauge"}}}, "would both be called `fn_`"),
        ({"a": {"_a": {"type": "gauge"}, "x_a": {"type": "gauge"}}}, "would both be called `x_a`"),
        ({"a": {"a": {"type": "gauge", "labels": ["in", "in_"]}}}, "`in` and `in_` would both be called `in_`"),
        ({"a_b": {}, "a-b": {}}, "`a_b` and `a-b` would both be called `AB`"),
    ],
)
def test_names_that_would_be_one_in_a_program_are_refused(domains: dict[str, Any], summary: str) -> None:
    problems = problem_codes(with_domains(domains))

    assert list(problems) == ["instruments/same-name"]
    assert summary in problems["instruments/same-name"]


def test_a_label_that_no_instrument_takes_is_refused() -> None:
    family = {"type": "gauge", "labels": ["__name"]}

    assert list(problem_codes(with_domains({"a": {"a": family}}))) == ["instruments/bad-label"]


def test_a_family_that_comes_later_renames_no_other() -> None:
    few = {"a": {"a:b": {"type": "gauge"}, "class": {"type": "gauge", "labels": ["type"]}}}
    many = {"a": {"a_b": {"type": "gauge"}, "type": {"type": "gauge"}, **few["a"]}, "A2": {}}
    attributes = [set(re.findall(r"^    (\w+) = typed", _text(domains), re.MULTILINE)) for domains in (few, many)]

    assert attributes == [{"a__b", "class_"}, {"a__b", "class_", "a_b", "type"}]


def _text(domains: dict[str, Any]) -> str:
    return render(InstrumentsRenderer(), with_domains(domains))[MODULE]


def test_modules_and_classes_have_names_that_can_be_imported() -> None:
    names = {"trading": "trading_metrics", "my-desk-2": "my_desk_2_metrics", "2fast": "platform_2fast_metrics"}
    classes = {"market_data": "MarketData", "ml": "Ml", "2 fast": "Domain2Fast", "": "Domain", "None": "NoneDomain"}

    assert {name: module_name(name) for name in names} == names
    assert {name: class_name(name) for name in classes} == classes
    assert class_name("counter") == "CounterDomain"
