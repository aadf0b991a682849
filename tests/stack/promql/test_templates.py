"""The labels that annotations and legends show."""

from __future__ import annotations

import pytest

from tapewatch.promql.templates import labels_of_legend, labels_of_template


@pytest.mark.parametrize(
    ("template", "labels"),
    [
        ("{{ $labels.symbol }} of {{$labels.service}}", {"symbol", "service"}),
        ("{{ .Labels.symbol }} {{ $.Labels.side }}", {"symbol", "side"}),
        ('{{ index $labels "service.name" }} {{- index .Labels `x` -}}', {"service.name", "x"}),
        ('{{ if eq $labels.side "buy" }}{{ $value }}{{ else }}{{ $labels.why | title }}{{ end }}', {"side", "why"}),
        ('{{ printf "%s/%s" $labels.a (.Labels.b | toUpper) }}', {"a", "b"}),
        ("{{ with $labels }}{{ .symbol }}{{ end }}{{ .Value }}", {"symbol"}),
        ("{{ with $labels }}{{ if .a }}{{ .b }}{{ end }}{{ .c }}{{ end }}{{ .d }}", {"a", "b", "c"}),
        ("{{ with $labels.symbol }}{{ . }}{{ .x }}{{ end }}", {"symbol"}),
        ('{{ with printf "up{service=\'%s\'}" $labels.service | query }}{{ . | first | value }}{{ end }}', {"service"}),
        ('$labels.a {{ "$labels.b" }} {{/* $labels.c */}} {{ $externalLabels.d }} {{ $value }}', set()),
        ("no template", set()),
        ("{{ $labels.open", set()),
    ],
)  # fmt: skip
def test_labels_of_an_annotation_are_found(template: str, labels: set[str]) -> None:
    assert labels_of_template(template) == labels


@pytest.mark.parametrize(
    ("legend", "labels"),
    [
        ("{{symbol}} on {{ instance }}", {"symbol", "instance"}),
        ("p99", set()),
        ("__auto", set()),
        ("{{service.name}}", {"service.name"}),
    ],
)
def test_labels_of_a_legend_are_found(legend: str, labels: set[str]) -> None:
    assert labels_of_legend(legend) == labels
