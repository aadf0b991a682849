"""What a service or a plugin of tapewatch imports. Light: it loads no pydantic, FastAPI or DuckDB.

    from tapewatch_sdk import start_service

    service = start_service("risk-manager", port=9093, team="risk")
    orders = service.registry.counter("orders_total", "Orders sent.", ["symbol"])

That is a service with `/metrics`, `/health`, `/ready`, traces, logs and events. All else is in the modules below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapewatch_sdk.service import Service, start_service

__all__ = ["Service", "start_service"]


if not TYPE_CHECKING:  # a type checker that saw it would let any name pass

    def __getattr__(name: str) -> object:
        """The two names above, loaded when they are first asked for: who imports one module pays for that one alone."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from tapewatch_sdk import service

        return getattr(service, name)
