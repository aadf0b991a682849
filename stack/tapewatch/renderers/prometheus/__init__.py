"""Prometheus: its configuration and the files from which it learns its targets."""

from tapewatch.renderers.prometheus._renderer import PrometheusRenderer, configuration, scraping
from tapewatch.renderers.prometheus._targets import target_labels

__all__ = ["PrometheusRenderer", "configuration", "scraping", "target_labels"]
