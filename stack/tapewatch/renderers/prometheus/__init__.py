"""Prometheus: its configuration and the files from which it learns its targets."""

from tapewatch.renderers.prometheus._renderer import PrometheusRenderer
from tapewatch.renderers.prometheus._targets import target_labels

__all__ = ["PrometheusRenderer", "target_labels"]
