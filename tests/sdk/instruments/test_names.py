"""Names of instruments and labels are valid where prometheus-client says so, and nowhere else."""

from __future__ import annotations

import prometheus_client
import pytest
from prometheus_client import validation

from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry

NAMES = ["a", "_a", "a:b", "A9", "", "9a", "a-b", "a b", "ü", "a.b", '"', "\ud800", "_total"]
LABELS = ["a", "_a", "A9", "le", "quantile", "__a", "__", "9a", "a-b", "a:b", "ü", "\ud800"]


@pytest.fixture(params=[False, True], ids=["utf-8", "legacy"])
def legacy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Which names prometheus-client takes; `enable_legacy_validation` sets the same."""
    monkeypatch.setattr(validation, "_legacy_validation", request.param)
    return bool(request.param)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["counter", "gauge", "histogram"])
def test_a_name_is_valid_where_prometheus_client_takes_it(legacy: bool, kind: str, name: str) -> None:
    theirs = _takes(lambda: getattr(prometheus_client, kind.title())(name, "", registry=None))

    assert _takes(lambda: getattr(MetricsRegistry(), kind)(name)) is theirs


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("kind", ["counter", "gauge", "histogram"])
def test_a_label_is_valid_where_prometheus_client_takes_it(legacy: bool, kind: str, label: str) -> None:
    theirs = _takes(lambda: getattr(prometheus_client, kind.title())("x", "", [label], registry=None))

    assert _takes(lambda: getattr(MetricsRegistry(), kind)("x", labels=[label])) is theirs


@pytest.mark.parametrize("labels", [["a", "a"], [""], [1]])
def test_labels_that_can_never_be_exposed_are_refused_as_well(labels: list[str]) -> None:
    with pytest.raises(InstrumentError) as raised:
        MetricsRegistry().counter("x", labels=labels)

    assert raised.value.problems[0].code == "instruments/bad-label"


def test_a_single_label_may_be_given_as_text() -> None:
    assert MetricsRegistry().counter("x", labels="venue").label_names == ("venue",)


def test_the_variable_of_prometheus_client_is_read_where_that_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "prometheus_client.validation")
    assert _takes(lambda: MetricsRegistry().counter("a.b"))

    monkeypatch.setenv("PROMETHEUS_LEGACY_NAME_VALIDATION", "true")
    assert not _takes(lambda: MetricsRegistry().counter("a.b"))


def _takes(make: object) -> bool:
    assert callable(make)
    try:
        make()
    except ValueError:
        return False
    return True


def test_a_legacy_name_does_not_end_with_a_line_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """prometheus-client overlooks it, and then its exposition is broken."""
    monkeypatch.setattr(validation, "_legacy_validation", True)

    assert not _takes(lambda: MetricsRegistry().counter("a\n"))
    assert not _takes(lambda: MetricsRegistry().counter("a", labels=["b\n"]))
