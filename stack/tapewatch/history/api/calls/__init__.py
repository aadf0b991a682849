"""The calls of the API, by what they are about; each module has a `router` of what it stands on."""

from __future__ import annotations
