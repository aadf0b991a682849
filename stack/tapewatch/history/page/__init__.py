"""The live page: static files that the API serves; a browser needs nothing else, and loads nothing from elsewhere."""

from tapewatch.history.page.assets import HEADERS, Asset, assets

__all__ = ["HEADERS", "Asset", "assets"]
