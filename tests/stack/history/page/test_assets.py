"""The files of the live page: all there, and nothing in them that a strict policy would have to allow."""

from __future__ import annotations

import re

import pytest

from tapewatch.history.page import HEADERS, Asset, assets
from tapewatch.previewing import theme
from tapewatch_sdk.events import EventType

SCRIPTS = [asset for path, asset in assets().items() if path.endswith(".js")]
INDEX = assets()["/"].body.decode()


def text(path: str) -> str:
    return assets()[path].body.decode()


def test_each_file_that_another_one_asks_for_is_there() -> None:
    asked = set(re.findall(r'(?:href|src)="(/[^"]*)"', INDEX))
    for script in SCRIPTS:
        asked |= {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', script.body.decode())}

    assert len(asked) > 20
    assert asked <= set(assets())


def test_each_file_is_asked_for_by_another_one() -> None:
    everything = "".join(asset.body.decode() for asset in assets().values())

    assert [path for path in assets() if path != "/" and path.removeprefix("/page/") not in everything] == []


def test_types_are_those_that_a_browser_wants_when_it_may_not_guess() -> None:
    found = {asset.path.rpartition(".")[2]: asset.content_type.partition(";")[0] for asset in assets().values()}

    assert found == {"/": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def test_another_body_has_another_etag() -> None:
    tags = {asset.body: asset.etag for asset in assets().values()}

    assert len(set(tags.values())) == len(tags)
    assert all(re.fullmatch(r'"[0-9a-f]{32}"', tag) for tag in tags.values())


def test_the_policy_allows_our_own_files_and_nothing_else() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", INDEX) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", INDEX) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path)
def test_no_script_can_make_markup_of_data_or_run_it(script: Asset) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTML|DOMParser|srcdoc"

    assert re.findall(forbidden, script.body.decode()) == []


@pytest.mark.parametrize("asset", assets().values(), ids=lambda asset: asset.path)
def test_no_file_names_another_server(asset: Asset) -> None:
    named = re.findall(r"\b(?:https?|wss?)://[a-z0-9.]+", asset.body.decode(), re.IGNORECASE)

    assert set(named) <= {"http://www.w3.org"}  # the name of SVG, which nobody loads


def test_every_type_of_event_is_known_as_one_that_matters_or_as_routine() -> None:
    lists = re.findall(r"const (?:ROUTINE|NOTABLE) = \[([^\]]+)\]", text("/page/events.js"))

    assert sorted(re.findall(r'"(\w+)"', "".join(lists))) == sorted(EventType)


def test_the_light_colours_are_those_of_the_previews() -> None:
    style = text("/page/style.css")
    light = style[: style.index('[data-theme="dark"]')]

    def colour(name: str) -> str:
        found = re.search(rf"--{name}: ([^;]+);", light)
        assert found, name
        return found[1]

    assert [colour(f"line-{index}") for index in range(12)] == [theme.line_color(index) for index in range(12)]
    assert (colour("ground"), colour("panel"), colour("border")) == (theme.BACKGROUND, theme.PANEL, theme.BORDER)
    assert (colour("grid"), colour("ink")) == (theme.GRID, theme.INK)
