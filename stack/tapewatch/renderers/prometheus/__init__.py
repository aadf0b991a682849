"""Prometheus: its configuration and the files from which it learns its targets."""

from tapewatch.renderers.prometheus._renderer import PrometheusRenderer

__all__ = ["PrometheusRenderer"]
