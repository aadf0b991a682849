"""`docker-compose.yml`: the whole stack, ready for `docker compose up` alone."""

from tapewatch.renderers.compose._renderer import ComposeRenderer

__all__ = ["ComposeRenderer"]
