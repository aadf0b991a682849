"""The real engine behind the suites of renderers, rules, dashboards and checks; loaded when a test of them runs."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import Request
from tapewatch_sdk.problems import Problem
from tapewatch_sdk.testing._saying import hold

if TYPE_CHECKING:
    from tapewatch.catalogue import Catalogue
    from tapewatch.rules.packs import LoadedPack

__all__ = ["elsewhere", "empty", "odd", "packs_of_others", "request_of", "sample", "shuffled", "told"]

ODD_TEXT = "\"'\\ {{ $labels.x }} $HOME $1 %s </b> # : - é 日本 \U0001f4c8"
"""What a description or a label may hold: quotes, templates, variables, markup, other alphabets."""


_NEEDED = ("schema", "platform", "environment", "receivers", "routing", "stack")
"""The parts without which a catalogue is refused, and `environment`, which carries the name of a variable."""


def _needs_engine() -> None:
    try:
        import tapewatch.project  # noqa: F401 -- whether it can be had at all
    except ModuleNotFoundError as error:
        hold(
            False,
            f"this suite runs a plugin through the real engine, and `{error.name}` is not installed",
            "the packages of the extra `stack` are there where the tests run",
            'put "tapewatch[stack]" into the test requirements of the package',
        )


def sample() -> dict[str, Any]:
    """The data of the sample catalogue that `tapewatch init` starts with; a fresh copy."""
    return deepcopy(_sample())


@cache
def _sample() -> dict[str, Any]:
    _needs_engine()
    import yaml

    from tapewatch.sample import sample_catalogue

    data: dict[str, Any] = yaml.safe_load(sample_catalogue())
    return data


def request_of(data: Mapping[str, Any]) -> Request:
    """What a plugin is given for a catalogue, with the rules and dashboards of what is installed; a fresh copy.

    Raises:
        AssertionError: the catalogue is refused.
    """
    request: Request = pickle.loads(_pickled(json.dumps(data)))  # noqa: S301 -- made a moment ago, in this process
    return request


@lru_cache(maxsize=16)
def _pickled(text: str) -> bytes:
    """A request, once for each catalogue: a suite asks for the same one in every test."""
    _needs_engine()
    from tapewatch.plugins import discover
    from tapewatch.project import _dashboards
    from tapewatch.rules.resolve import resolve
    from tapewatch.rules.slo import slo_rules

    catalogue = _loaded(json.loads(text))
    plugins = discover(["tapewatch.rules", "tapewatch.dashboards"])
    rules = (*resolve([each.pack for each in packs_of_others(None)], catalogue), *slo_rules(catalogue))
    return pickle.dumps(Request(catalogue, rules, _dashboards(plugins, Request(catalogue, rules))))


def packs_of_others(plugin: Any) -> tuple[LoadedPack, ...]:
    """The packs of alert rules that are installed, without those of one plugin."""
    from tapewatch.plugins import discover
    from tapewatch.rules.packs import read_packs

    found: list[LoadedPack] = []
    for each in discover(["tapewatch.rules"]).of("tapewatch.rules"):
        if plugin is None or type(each) is not type(plugin) or each.name != plugin.name:
            try:
                found += read_packs(each.folder)
            except ProblemsError:
                continue  # another package's own business
    return tuple(found)


def shuffled(request: Request) -> Request:
    """The same with the services in another order."""
    catalogue: Any = request.catalogue
    turned = catalogue.model_copy(update={"services": dict(reversed(catalogue.services.items()))})
    return Request(turned, request.rules, request.dashboards)


def empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue with nothing in it that may be left out: no services, no families, no rules of its own."""
    kept = {key: deepcopy(data[key]) for key in _NEEDED if key in data}
    routing = {key: value for key, value in kept.get("routing", {}).items() if key != "teams"}
    return {**kept, "routing": routing, "services": {}, "domains": {}}


def odd(data: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue with names and texts that are valid and that nobody thinks of."""
    changed: dict[str, Any] = deepcopy(dict(data))
    changed["platform"] = {**changed.get("platform", {}), "name": "0", "description": ODD_TEXT}
    names = ["0", "a" * 63, "null", "true", "1e3", "a-b--c"]
    service = {"description": ODD_TEXT, "team": "no", "labels": {"note": ODD_TEXT}, "emits": []}
    changed["services"] = {
        **changed["services"],
        **{name: {**service, "address": f"[fd00::{number}]:9{number:03}"} for number, name in enumerate(names)},
        "y": {**service, "mode": "push"},
    }
    return changed


def told(problems: Sequence[Problem]) -> str:
    """Problems as `tapewatch check` prints them."""
    from tapewatch.report import render

    return "\n" + render(list(problems), "text", color=False, width=100).rstrip()


def _loaded(data: Mapping[str, Any]) -> Catalogue:
    import yaml

    from tapewatch.catalogue import load_text

    try:
        return load_text(yaml.safe_dump(dict(data), sort_keys=False)).catalogue
    except ProblemsError as error:
        raise AssertionError(f"`catalogue()` gives a catalogue that is refused:{told(error.problems)}") from None


_PROGRAM = """\
import sys
from tapewatch_sdk.loading import load
from tapewatch_sdk.testing import _engine
import json
group, name, suite = sys.argv[1:4]
from importlib import import_module
module, _, attribute = suite.partition(":")
answer = getattr(import_module(module), attribute).answer
request = _engine.request_of(json.load(sys.stdin))
sys.stdout.buffer.write(answer(load(group, name), request))
"""


def elsewhere(group: str, name: str, suite: str, data: Mapping[str, Any]) -> bytes:
    """What an installed plugin answers in a process with another order of sets, time zone, language and folder.

    Parameters:
        group, name: the plugin's.
        suite: the suite of its kind, `module:Class`.
        data: the catalogue.
    """
    with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
        away = {"PYTHONHASHSEED": "20011", "TZ": "Pacific/Chatham", "LC_ALL": "C", "HOME": folder, "USER": "nobody"}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, group, name, suite], input=json.dumps(data).encode(), cwd=folder,
            env={**os.environ, **away, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, f"another process could not do it:\n{done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout
