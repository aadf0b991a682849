"""Finds a key that does not exist, and a value of the wrong type, in configuration that no program here can read.

Prometheus, Alertmanager, Loki and Jaeger 2.13 read their files themselves in CI, and refuse what they do not know.
Alloy and Grafana are not there, a Jaeger 2.20 mostly not, and what Grafana does not know it leaves out without a word.
For these there is a table of the keys that we use and of their neighbours, each with the page of the project's own
documentation or the file of its own source where it is described.

It is a part of the tests, and no check of `tapewatch check`: these files are made by our renderers from a catalogue
that was checked already, nobody edits them, and what a plugin's renderer writes is another program's configuration.
"""

from support.keys.alloy import check_alloy
from support.keys.grafana import check_providers, check_settings, check_sources
from support.keys.jaeger import check_jaeger, check_sampling
from support.keys.kinds import Finding

__all__ = [
    "Finding",
    "check_alloy",
    "check_jaeger",
    "check_providers",
    "check_sampling",
    "check_settings",
    "check_sources",
]
