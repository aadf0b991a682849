"""Our mark on a dashboard: whose it is, and what we wrote into it.

It stands at the end of the description, since that is kept by every Grafana from 9 on, by a person's save as well as by
the migrations of newer ones, and tells whoever wants to change the dashboard where that is done.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Mark", "digest_of", "mark_of", "marked"]

_WORDS = "Uploaded by tapewatch, and made by code: change it there."
_MARK = re.compile(r"\s*" + re.escape(_WORDS) + r" \[([^\s\[\]/]+)/([^\s\[\]/]+) ([0-9a-f]{64})\]\s*$")

_GRAFANAS = ("id", "version")
"""What Grafana itself writes into a dashboard."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Our mark.

    Parameters:
        project: name of the project, `platform.name` of its catalogue.
        uid: the dashboard's UID; another one is on a copy.
        digest: of what was uploaded.
    """

    project: str
    uid: str
    digest: str

    @property
    def message(self) -> str:
        """What Grafana's list of versions says of this upload."""
        return f"tapewatch: uploaded {self.digest}"


def marked(model: Mapping[str, Any], project: str) -> tuple[dict[str, Any], Mark]:
    """The dashboard with our mark, and the mark."""
    made = copy.deepcopy(dict(model))
    mark = Mark(project, str(model["uid"]), digest_of(model))
    made["description"] = f"{made.get('description', '')}\n\n{_WORDS} [{project}/{mark.uid} {mark.digest}]".lstrip()
    return made, mark


def mark_of(model: Mapping[str, Any]) -> Mark | None:
    """The mark on a dashboard that Grafana has; None without one, and on a copy under another UID."""
    found = _MARK.search(str(model.get("description", "")))
    if found is None or found[2] != model.get("uid"):
        return None
    return Mark(found[1], found[2], found[3])


def digest_of(model: Mapping[str, Any]) -> str:
    """Of a dashboard without its mark and without what Grafana itself writes."""
    kept = {key: value for key, value in model.items() if key not in _GRAFANAS}
    kept["description"] = _MARK.sub("", str(kept.get("description", ""))).strip()
    text = json.dumps(_canonical(kept), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """The same with `1` for `1.0`: a number's way of being written is not kept everywhere."""
    if isinstance(value, Mapping):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
