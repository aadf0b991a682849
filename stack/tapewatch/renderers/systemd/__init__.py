"""Native units: `provisioning/systemd/` holds what belongs under `/`, units and all that they read."""

from tapewatch.renderers.systemd._renderer import SystemdRenderer
from tapewatch.renderers.systemd._service import OURS, READS, TARGET
from tapewatch.renderers.systemd._unit import unit_settings

__all__ = ["OURS", "READS", "TARGET", "SystemdRenderer", "unit_settings"]
