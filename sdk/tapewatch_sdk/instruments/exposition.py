"""The two formats of `/metrics`, equal byte for byte to what prometheus-client writes for the same values.

`_created` series are not written: prometheus-client writes the same after `disable_created_metrics()`. What stands
before a value is made once for each series and kept, so that an exposition formats numbers and little else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from operator import mod
from typing import Any

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import _interop
from tapewatch_sdk.instruments._instrument import Instrument, Series
from tapewatch_sdk.instruments._names import PLAIN_NAME
from tapewatch_sdk.instruments._numbers import go_float, texts
from tapewatch_sdk.instruments.registry import MetricsRegistry
from tapewatch_sdk.instruments.samples import Exemplar

__all__ = ["CONTENT_TYPE_OPENMETRICS", "CONTENT_TYPE_TEXT", "UNDERSCORES", "generate_openmetrics", "generate_text"]

CONTENT_TYPE_TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of `generate_text`."""

CONTENT_TYPE_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""Content type of `generate_openmetrics`."""

UNDERSCORES = "underscores"
"""The escaping that every Prometheus understands. The others are `allow-utf-8`, `dots` and `values`."""


def generate_text(registry: MetricsRegistry, escaping: str = UNDERSCORES) -> bytes:
    """Everything in a registry in the Prometheus text format 0.0.4.

    Parameters:
        registry: what to write; its callbacks are run first.
        escaping: what to do with names beyond letters, digits, `_` and `:`.
    """
    return "".join(_families(registry, escaping, openmetrics=False)).encode()


def generate_openmetrics(registry: MetricsRegistry, escaping: str = UNDERSCORES) -> bytes:
    """Everything in a registry in OpenMetrics 1.0, with exemplars; the parameters are those of `generate_text`."""
    return "".join([*_families(registry, escaping, openmetrics=True), "# EOF\n"]).encode()


def _families(registry: MetricsRegistry, escaping: str, *, openmetrics: bool) -> list[str]:
    """The text of each family."""
    simple = {UNDERSCORES, "allow-utf-8"} if openmetrics else {UNDERSCORES, "allow-utf-8", "values"}
    found = []
    for member in registry.gathered():
        if not isinstance(member, Instrument):
            found.append(_foreign(registry, member, escaping, openmetrics=openmetrics))
        elif escaping in simple and _is_plain(member):
            found += _header(member, openmetrics=openmetrics)
            found += _body(member, openmetrics=openmetrics)
        else:
            found.append(_interop.rendered([_interop.to_metric(member)], escaping, openmetrics=openmetrics))
    return found


def _foreign(registry: MetricsRegistry, collector: Any, escaping: str, *, openmetrics: bool) -> str:
    """A foreign collector; nothing if it raises, or has what cannot be written."""
    try:
        return _interop.rendered(registry.read(collector), escaping, openmetrics=openmetrics)
    except Exception:  # noqa: BLE001 - one that fails must not keep the values of the others from being seen
        registry.count_error(collector)
        return ""


def _is_plain(instrument: Instrument[Any]) -> bool:
    """Whether no name of it needs to be escaped."""
    return all(PLAIN_NAME.fullmatch(name) for name in (instrument.family, *instrument.label_names))


def _header(instrument: Instrument[Any], *, openmetrics: bool) -> list[str]:
    name = instrument.family if openmetrics else instrument.name
    text = instrument.description.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    return [f"# HELP {name} {text}\n", f"# TYPE {name} {instrument.kind}\n"]


def _body(instrument: Instrument[Any], *, openmetrics: bool) -> Iterable[str]:
    """The lines of each series."""
    series = instrument.series()
    _prepare(instrument, [one for one in series if not one.template])
    templates = [one.template for one in series]
    if instrument.kind is MetricType.HISTOGRAM:
        return map(mod, templates, [_histogram(one, openmetrics=openmetrics) for one in series])
    return map(mod, templates, texts([one.get() for one in series]))


def _histogram(series: Series, *, openmetrics: bool) -> tuple[str, ...]:
    """The values of a histogram as text, each with its exemplar."""
    values = texts(series.values())
    exemplars = series.exemplars() if openmetrics else None
    if exemplars:
        values = [value + _exemplar(one) for value, one in zip(values, exemplars, strict=False)]
    return tuple(values)


def _exemplar(exemplar: Exemplar | None) -> str:
    if exemplar is None:
        return ""
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(exemplar.labels.items()))
    return f" # {{{labels}}} {go_float(exemplar.value)} {exemplar.timestamp}"


def _prepare(instrument: Instrument[Any], fresh: list[Series]) -> None:
    """Make the templates of series that were never written."""
    label_values = [one.label_values for one in fresh]
    together = "".join(chain.from_iterable(label_values))
    if any(special in together for special in '\\\n"%'):
        label_values = [tuple(_escaped(value).replace("%", "%%") for value in values) for values in label_values]
    lines = instrument.lines()
    whole = "".join(_line(instrument, suffix, more) for suffix, more in lines)
    for one, values in zip(fresh, label_values, strict=True):
        one.template = whole % (values * len(lines))


def _line(instrument: Instrument[Any], suffix: str, more: Mapping[str, str]) -> str:
    """`name_bucket{le="0.5",symbol="%s"} %%s`: labels in the order of their names, as `label_names` has them."""
    labels = {**dict.fromkeys(instrument.label_names, "%s"), **more}
    inner = ",".join(f'{label}="{labels[label]}"' for label in sorted(labels))
    name = f"{instrument.family}{suffix}{{{inner}}}" if inner else f"{instrument.family}{suffix}"
    return f"{name} %%s\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
