"""The files of the live page, ready to be served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = ["HEADERS", "Asset", "assets"]

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # Asked for again each time and answered 304 by the ETag, so that a page never mixes scripts of two versions.
        "Cache-Control": "no-cache",
    }
)
"""Headers that each file is served with: whatever a label or an event says, nothing in the page runs or loads it."""

_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page.

    Parameters:
        path: where the page expects it: `/`, or `/page/NAME` for what `/` asks for.
        content_type: for the header of that name.
        body: the file.
        etag: for the header of that name, quotes included; another body has another one.
    """

    path: str
    content_type: str
    body: bytes
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every file of the page by its path; read once."""
    found = {}
    for each in files(__package__).joinpath("files").iterdir():
        suffix = each.name[each.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if each.name == "index.html" else f"/page/{each.name}"
            body = each.read_bytes()
            found[path] = Asset(path, _TYPES[suffix], body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return MappingProxyType(found)
