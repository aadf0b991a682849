"""Who may ask: addresses and origins, the API key and the login made of it, and how often."""

from __future__ import annotations

from tapewatch.history.api.access.gate import COOKIE, Caller, Gate, Refusal
from tapewatch.history.api.access.hosts import Hosts, is_loopback
from tapewatch.history.api.access.keys import ApiKey
from tapewatch.history.api.access.rates import Rates

__all__ = ["COOKIE", "ApiKey", "Caller", "Gate", "Hosts", "Rates", "Refusal", "is_loopback"]
