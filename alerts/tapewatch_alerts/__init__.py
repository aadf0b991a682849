"""The 29 alert rules of a trading platform, as packs: one YAML file a domain, each rule with proof and runbook."""

from __future__ import annotations

from pathlib import Path

from tapewatch_sdk.plugins import API_VERSION

__all__ = ["Alerts"]


class Alerts:
    """The built-in alert rules."""

    name = "tapewatch"
    api_version = API_VERSION
    folder = Path(__file__).parent
