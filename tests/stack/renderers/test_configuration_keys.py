"""Every key in the files of Alloy, Grafana and Jaeger is one that they know, and a typing error in any is found here.

That the check can fail is shown on the files themselves: each of their keys is mistyped once, each value replaced by
one of another type, and each time the check names the place.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import yaml

from support.keys import (
    Finding,
    check_alloy,
    check_jaeger,
    check_providers,
    check_sampling,
    check_settings,
    check_sources,
)
from support.keys.alloy import ALLOY, FLAGS
from support.keys.alloy_syntax import Name, parse
from support.keys.grafana import JSON_DATA, PROVIDERS, SOURCES
from support.keys.jaeger import JAEGER, SAMPLING
from support.keys.kinds import Keys, Path
from support.rendering import render, varied
from support.samples import load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.alloy import AlloyRenderer
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.where import compose, native
from tapewatch_sdk.plugins import Dashboard

BOARDS = (Dashboard("risk", "Risk", {"title": "Risk", "uid": "risk"}),)

OTHER_TYPE: Mapping[str, Any] = {"a mapping": {"x": 1}, "a list": [["x"]], "a number": -7.5, "a text": "\n"}


def varied_sample() -> Catalogue:
    """The sample with all that adds keys: services that print their logs, one that samples otherwise, the history."""

    def change(data: dict[str, Any]) -> None:
        data["services"]["risk-manager"].update(logs={"via": "stdout"}, traces={"sampling": 1.0})
        data["services"]["api"]["logs"] = {"via": "stdout"}
        data["services"]["live-trading"]["logs"] = {"via": "stdout", "format": "text"}
        data["stack"]["history"] = {"grafana": True}

    return varied(change)


@dataclass(frozen=True)
class Subject:
    """A generated file as data, and what checks it."""

    data: Any
    check: Callable[[Any], list[Finding]]


@cache
def subjects() -> dict[str, Subject]:
    """The files that are data, by name."""
    catalogue = varied_sample()
    grafana = render(GrafanaRenderer(), catalogue, BOARDS)
    jaeger = render(JaegerRenderer(), catalogue)
    compose_file = yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])
    folder = f"{layout.GRAFANA}/provisioning"
    return {
        "data sources": Subject(yaml.safe_load(grafana[f"{folder}/datasources/tapewatch.yml"]), check_sources),
        "providers": Subject(yaml.safe_load(grafana[f"{folder}/dashboards/tapewatch.yml"]), check_providers),
        "settings": Subject(compose_file["services"]["grafana"]["environment"], check_settings),
        "jaeger": Subject(yaml.safe_load(jaeger[f"{layout.JAEGER}/jaeger.yml"]), check_jaeger),
        "sampling": Subject(json.loads(jaeger[f"{layout.JAEGER}/sampling.json"]), check_sampling),
    }


NAMES = ("data sources", "providers", "settings", "jaeger", "sampling")


@cache
def alloy_text() -> str:
    return render(AlloyRenderer(), varied_sample())[f"{layout.ALLOY}/config.alloy"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_one_that_its_program_knows(name: str) -> None:
    assert list(map(str, subjects()[name].check(subjects()[name].data))) == []


@pytest.mark.parametrize("catalogue", [load_sample, varied_sample])
@pytest.mark.parametrize("where", [compose, native])
def test_every_block_and_argument_is_one_that_alloy_knows(catalogue: Callable[[], Catalogue], where: Any) -> None:
    text = render(AlloyRenderer(where), catalogue())[f"{layout.ALLOY}/config.alloy"]

    assert list(map(str, check_alloy(text))) == []


def test_natively_the_files_have_the_same_keys() -> None:
    for check, path, renderer in (
        (check_jaeger, f"{layout.JAEGER}/jaeger.yml", JaegerRenderer(native)),
        (check_sources, f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml", GrafanaRenderer(native)),
    ):
        assert list(map(str, check(yaml.safe_load(render(renderer, varied_sample())[path])))) == []


def test_alloy_is_started_with_flags_that_it_knows() -> None:
    document = yaml.safe_load(render(ComposeRenderer(), load_sample())[layout.COMPOSE])
    command = document["services"]["alloy"]["command"]

    assert command[0] == "run"
    assert {word.removeprefix("--").partition("=")[0] for word in command if word.startswith("--")} <= FLAGS


def mistyped(word: str) -> str:
    """The word with two of its letters exchanged, or one left out where they are the same."""
    end = word.rfind(".") + 1  # the last part of a dotted name
    tail = word[end:]
    for index in range(1, len(tail) - 1):
        if tail[index] != tail[index + 1]:
            return word[:end] + tail[:index] + tail[index + 1] + tail[index] + tail[index + 2 :]
    return word[:end] + tail[:-1] if len(tail) > 1 else f"{word}x"


def keys_in(data: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every key, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*path, key)
            yield from keys_in(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from keys_in(value, (*path, index))


def at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


@pytest.mark.parametrize("name", NAMES)
def test_each_key_that_is_mistyped_is_named(name: str) -> None:
    subject = subjects()[name]
    unseen = []
    for path in keys_in(subject.data):
        damaged = copy.deepcopy(subject.data)
        parent, key = at(damaged, path[:-1]), str(path[-1])
        # In its place, so that nothing else changes.
        items = [(mistyped(key) if each == key else each, value) for each, value in parent.items()]
        parent.clear()
        parent.update(items)
        said = " ".join(map(str, subject.check(damaged)))
        if mistyped(key) not in said and f"`{key}`" not in said:
            unseen.append((path, said))

    assert unseen == []
    assert len(list(keys_in(subject.data))) > 5


@pytest.mark.parametrize("name", NAMES)
def test_each_value_of_another_type_is_named_with_its_place(name: str) -> None:
    subject = subjects()[name]
    for path in keys_in(subject.data):
        value = at(subject.data, path)
        for what, other in OTHER_TYPE.items():
            if type(other) is type(value) or (isinstance(value, int) and what == "a number"):
                continue
            damaged = copy.deepcopy(subject.data)
            at(damaged, path[:-1])[path[-1]] = other
            places = [finding.path[: len(path)] for finding in subject.check(damaged)]
            assert path in places, f"{path} as {what} is not named"


def names_in_alloy() -> list[Name]:
    return parse(alloy_text()).names


def test_each_name_in_alloys_file_that_is_mistyped_is_named_with_its_line() -> None:
    text = alloy_text()
    for name in names_in_alloy():
        wrong = mistyped(name.text)
        findings = check_alloy(text[: name.start] + wrong + text[name.start + len(name.text) :])

        told = [str(finding) for finding in findings if finding.line == name.line]
        last = wrong.rpartition(".")[2]
        assert any(last in each for each in told), f"line {name.line}: {wrong} for {name.text}: {findings}"
    assert len(names_in_alloy()) > 40


def test_a_label_that_nothing_bears_is_named() -> None:
    wrong = alloy_text().replace('loki.write "loki"', 'loki.write "lokki"')

    assert any('there is no loki.write "loki"' in str(finding) for finding in check_alloy(wrong))


@pytest.mark.parametrize("what", OTHER_TYPE)
def test_each_value_in_alloys_file_that_is_of_another_type_is_named(what: str) -> None:
    file, other = parse(alloy_text()), OTHER_TYPE[what]
    for path in keys_in(file.data):
        value = at(file.data, path)
        if type(other) is type(value) or (isinstance(value, list) and isinstance(other, list)):
            continue
        damaged = copy.deepcopy(file.data)
        at(damaged, path[:-1])[path[-1]] = other
        places = [finding.path[: len(path)] for finding in ALLOY.findings(damaged, ())]
        assert path in places, f"{path} as {what} is not named"


@pytest.mark.parametrize(
    "text",
    [
        'logging {\n  level = "warn"\n',
        'logging {\n  level = "warn"\n}\n}\n',
        "logging {\n  level = warn\n}\n",
        'logging {\n  level = "warn" format = "json"\n}\n',
        'logging {\n  level = "warn\n}\n',
        'logging {\n  level "warn"\n}\n',
        'logging {\n  level = "warn"\n  level = "info"\n}\n',
        'logging {}\nlogging {}\n',
        'loki.write "a" {}\nloki.write "a" {}\n',
        'loki.write "a" {\n  external_labels = {\n    x = "y"\n  }\n}\n',
        'loki.write "a" {\n  external_labels = {x "y"}\n}\n',
        'loki.write "a" {\n  max_streams = 1 + 1\n}\n',
        "level = sys.env(\"LEVEL\")\n",
    ],
)  # fmt: skip
def test_what_alloy_could_not_read_or_we_do_not_is_no_file(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+"):
        parse(text)


def test_what_alloy_can_read_is_read_as_it_means_it() -> None:
    file = parse(
        """
        // a comment
        logging { level = "warn" } /* another
        one */
        loki.process "a" {
          stage.json { expressions = { "level" = "", trace_id = `x`, } }
          stage.json { drop_malformed = true }
          forward_to = [loki.write.far.receiver,
            loki.write.near.receiver]
        }
        """
    )
    process = file.data["loki.process"]["a"]

    assert file.data["logging"] == {"level": "warn"}
    assert list(process["stage.json"]) == [{"expressions": {"level": "", "trace_id": "x"}}, {"drop_malformed": True}]
    assert [(each.component, each.label, each.export) for each in process["forward_to"]] == [
        ("loki.write", "far", "receiver"), ("loki.write", "near", "receiver"),
    ]  # fmt: skip


@pytest.mark.parametrize("table", [ALLOY, SOURCES, PROVIDERS, JAEGER, SAMPLING, *JSON_DATA.values()])
def test_every_table_says_where_its_keys_are_documented(table: Keys) -> None:
    def tables(kind: Any) -> Iterator[Keys]:
        if isinstance(kind, Keys):
            yield kind
            for each in kind.known.values():
                yield from tables(each)
        for name in ("item", "value", "each", "common"):
            if hasattr(kind, name):
                yield from tables(getattr(kind, name))

    found = list(tables(table))
    assert found
    assert all(": " in each.documented and each.known for each in found)
