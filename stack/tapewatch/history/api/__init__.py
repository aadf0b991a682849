"""The API: HTTP, the WebSocket, OTLP, Alertmanager's webhook; and what it shows live.

| module | what |
|---|---|
| app | the app, put together of its calls |
| calls | the calls, by what they are about |
| core | what it stands on: the process that has the store open, this one or another |
| access, shield | who may ask, how often, and how much |
| errors, models, documents | the shapes of errors, requests and answers, and the page that shows them |
| live, socket | what is known now, encoded once, and its way to every client |
| otlp | what services push |
| alerting | alerts, read from Prometheus, and delivered by Alertmanager |
"""

from __future__ import annotations

from tapewatch.history.api.app import create_app
from tapewatch.history.api.core import Core, Pushed, Settings

__all__ = ["Core", "Pushed", "Settings", "create_app"]
