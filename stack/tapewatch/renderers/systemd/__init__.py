"""Native units: `provisioning/systemd/` holds what belongs under `/`, units and all that they read."""

from tapewatch.renderers.systemd._renderer import SystemdRenderer

__all__ = ["SystemdRenderer"]
