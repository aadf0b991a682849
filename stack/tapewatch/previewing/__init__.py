"""Pictures of dashboards from their code: for a review, without a Grafana."""

from __future__ import annotations

from tapewatch.previewing.compare import Difference, dashboards_in, differences
from tapewatch.previewing.page import compared, page
from tapewatch.previewing.picture import WIDTH, picture

__all__ = ["WIDTH", "Difference", "compared", "dashboards_in", "differences", "page", "picture"]
