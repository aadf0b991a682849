"""The names under which the history hands on what it reads of its own host; no service of a platform has them."""

from __future__ import annotations

__all__ = ["ALERTS", "CPU", "DISK", "HEALTH", "MEMORY", "STATUS", "UPTIME"]

CPU = "tapewatch_host_cpu_percent"
MEMORY = "tapewatch_host_memory_percent"
DISK = "tapewatch_host_disk_usage_percent"
UPTIME = "tapewatch_host_uptime_seconds"
"""Since the history's process started."""

HEALTH = "tapewatch_host_health"
"""1 for the state that its label `status` names."""

STATUS = "status"
ALERTS = "tapewatch_host_active_alerts"
