"""config.alloy, which no server here can read: its form is held against the language's rules."""

from __future__ import annotations

import re
from typing import Any

from support.rendering import render, varied
from support.samples import load_sample
from tapewatch import layout
from tapewatch.renderers.alloy import AlloyRenderer

CONFIG = f"{layout.ALLOY}/config.alloy"


def printing(data: dict[str, Any]) -> None:
    data["services"]["risk-manager"]["logs"] = {"via": "stdout"}
    data["services"]["api"]["logs"] = {"via": "stdout"}
    data["services"]["live-trading"]["logs"] = {"via": "stdout", "format": "text"}


def test_the_sample_collects_nothing_since_all_services_send_their_logs() -> None:
    text = render(AlloyRenderer(), load_sample())[CONFIG]
    assert text.startswith(f"// {layout.HEADER}\n")
    assert "docker" not in text


def test_only_services_that_print_are_collected_each_by_its_format() -> None:
    text = render(AlloyRenderer(), varied(printing))[CONFIG]
    assert re.findall(r"regex +=\s+(.*)", text) == ['"api|risk-manager"', '"live-trading"']
    assert 'replacement  = "local"' in text
    assert 'url = "http://loki:3100/loki/api/v1/push"' in text


def test_every_component_that_is_referred_to_is_there() -> None:
    text = render(AlloyRenderer(), varied(printing))[CONFIG]
    blocks = {f"{kind}.{label}" for kind, label in re.findall(r'^([\w.]+) "(\w+)" \{$', text, re.MULTILINE)}
    references = set(re.findall(r"\b((?:discovery|loki)\.\w+\.\w+)\.(?:targets|output|receiver)", text))
    assert references <= blocks, references - blocks
    assert text.count("{") == text.count("}")
    assert "{%" not in text
    assert "{{" not in text


def test_without_json_there_is_no_pipeline_for_it() -> None:
    def change(data: dict[str, Any]) -> None:
        data["services"]["live-trading"]["logs"] = {"via": "stdout", "format": "text"}

    text = render(AlloyRenderer(), varied(change))[CONFIG]
    assert "loki.process" not in text
    assert "forward_to = [loki.write.loki.receiver]" in text
