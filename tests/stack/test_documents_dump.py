"""Writing YAML: what goes out comes back, in every reader, and looks as people expect."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tapewatch import servers
from tapewatch.documents import dump, parse


@pytest.fixture(params=["C", "Python"])
def either_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with PyYAML's C parts, and with its Python ones as on a machine without libyaml."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader")
        monkeypatch.delattr(yaml, "CSafeDumper")


TRICKY = """
on yes no off y n Y N true True null ~ Null 1 -1 +1 007 010 0o7 0x1F 0b1 1_000 1e3 1.5 .5 5. 1.0e+3 1:30 01:30 1:30:00
12:30:45.6 .inf -.Inf .nan 2024-01-31 2024-1-2 2024-01-31T10:00:00Z = << - ? : a: a:b :a # a#b #a ! !x & *x @x `x` % %x
| > { } [ ] , ' " '' \\ \\n 0 00 0.0 - -- --- ... x... 5s 1m30s 10.0.0.1:9100 v1.2 1.2.3 0o8 0x .e3 1e 1e+ e1
""".split()  # noqa: SIM905 - a list of ninety strings would be ninety lines
TRICKY += ["", " ", "  x", "x ", "a b", "a: b", "a #b", "- a", "? a", "x\ty", "\t", "é", "名前", "😀", "\u2028", "\x85"]
TRICKY += ["\x07", "\x00", "{{ $value }}", "${X}", "a" * 500, "word " * 100, "\n", "\n\n", "a\n", "a\nb", "a\nb\n"]
TRICKY += ["a\nb\n\n", "\na", " a\nb", "a\n b\n", "a \nb", "a\n\n\nb", "\ta\nb", "a\r\nb", "a\rb", "# a\nb"]
TRICKY += ["- a\n- b", "--- \na", "a: b\nc: d\n", "  \na", "a\n  ", "sum(x)\n  / sum(y)\n"]


@pytest.mark.parametrize("text", TRICKY)
def test_every_text_comes_back_as_the_same_text(text: str, either_library: None) -> None:
    data = {"key": text, "list": [text, {"x": text}], "k" + text: "v"}
    written = dump(data)
    assert parse(written, "x").data == data
    assert yaml.load(written, Loader=yaml.SafeLoader) == data


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(9 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False, 0, -5, 10**30, 2**63])
    if kind == 1:
        return rng.choice([0.1, 1e-9, 1.5e300, -2.0, 1e22, float("inf"), float("-inf"), rng.random()])
    if kind in (2, 3):
        return "".join(rng.choice("ab: #-'\"\\\n\t{}[],&*!|>%@é1e.0?~\u2028😀") for _ in range(rng.randrange(12)))
    if kind in (4, 5):
        return rng.choice(TRICKY)
    if kind == 6:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {random_text: random_value(rng, depth - 1) for random_text in rng.sample(TRICKY, rng.randrange(4))}


def test_any_data_comes_back_equal_and_the_same_input_gives_the_same_bytes() -> None:
    rng = random.Random(11)
    for _ in range(1500):
        data = {"top": random_value(rng, 4)}
        written = dump(data)
        assert parse(written, "x").data == data, written
        assert repr(yaml.load(written, Loader=yaml.CSafeLoader)) == repr(data), written
        assert dump(data) == written


def test_files_look_as_prometheus_people_write_them() -> None:
    rule = {
        "alert": "ServiceDown",
        "expr": "up == 0\nunless on (service) maintenance\n",
        "for": "1m",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $labels.service }} is down", "long": "word " * 40 + "end"},
    }
    assert dump(
        {"groups": [{"name": "a", "interval": "5s", "limit": 0, "rules": [rule]}], "empty": [], "none": {}},
        "made\n\nby x",
    ) == (
        "# made\n#\n# by x\n"
        "groups:\n- name: a\n  interval: 5s\n  limit: 0\n  rules:\n  - alert: ServiceDown\n    expr: |\n      up == 0\n"
        "      unless on (service) maintenance\n    for: 1m\n    labels:\n      severity: critical\n    annotations:\n"
        "      summary: '{{ $labels.service }} is down'\n      long: " + "word " * 40 + "end\n"
        "empty: []\nnone: {}\n"
    )


@pytest.mark.parametrize("text", ["on", "y", "1:30", "0o7", "1e3", "~", "007", "2024-1-2", "1_000", ".5", "null"])
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert dump({"a": text}) == f"a: '{text}'\n"


@pytest.mark.parametrize(
    "text", ["10.0.0.1:9100", "5s", "v1.2", "rate(x[5m])", "a-b", "http://x:1/y?z=1", "en", "none", "sum by (le) (x)"]
)
def test_text_that_nobody_mistakes_stands_without_quotes(text: str) -> None:
    assert dump({"a": text}) == f"a: {text}\n"


@pytest.mark.parametrize("data", [{"a": date(2024, 1, 1)}, {1: "x"}, {"a": {1, 2}}, {"a": object()}, {"a": b"x"}])
def test_data_that_is_not_plain_is_our_own_mistake(data: dict[Any, Any]) -> None:
    with pytest.raises(TypeError):
        dump(data)


def test_repeated_values_are_written_out_and_never_become_aliases() -> None:
    shared = {"x": [1]}
    assert dump({"a": shared, "b": shared}) == "a:\n  x:\n  - 1\nb:\n  x:\n  - 1\n"


@pytest.mark.needs("promtool")
def test_prometheus_own_parser_reads_every_text_as_it_was_meant(tmp_path: Path) -> None:
    """The rule file is ours, the expectation is JSON, which nobody misreads; promtool compares label by label."""
    # Prometheus drops empty labels and expands templates.
    texts = [text for text in TRICKY if text and "{{" not in text and "$" not in text]
    labels = {f"l{number}": text for number, text in enumerate(texts)}
    rule = {"alert": "A", "expr": "vector(1)", "labels": labels}
    (tmp_path / "rules.yml").write_text(dump({"groups": [{"name": "g", "rules": [rule]}]}))
    test = {"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": labels}]}
    content = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "alert_rule_test": [test]}],
    }
    # Go's YAML refuses the surrogate pair by which JSON escapes a character beyond the basic plane.
    (tmp_path / "test.yml").write_text(json.dumps(content).replace("\\ud83d\\ude00", "😀"))
    run = subprocess.run(
        [servers.find("promtool").path, "test", "rules", "test.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
