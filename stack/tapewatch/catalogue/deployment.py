"""`stack.systemd` and `stack.kubernetes`: where the stack runs besides compose."""

from __future__ import annotations

from tapewatch.schema.types import Model, Name

__all__ = ["Kubernetes", "Systemd"]


class Systemd(Model):
    """The stack as native units of one host."""


class Kubernetes(Model):
    """The stack as objects of a cluster in which the Prometheus Operator runs."""

    namespace: Name = "monitoring"
    """Where the objects live."""
