"""Sharing a dashboard with everybody who has the link, by Grafana's public dashboards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tapewatch.uploading.api import Api
from tapewatch.uploading.carry_out import make_folder, write
from tapewatch.uploading.plan import Plan, find
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Shared", "can_share", "share", "shared", "unshare"]


@dataclass(frozen=True, slots=True)
class Shared:
    """A dashboard that is, or was, shared.

    Parameters:
        uid: the dashboard.
        public: UID of what Grafana keeps about its being shared.
        url: where everybody finds it.
        enabled: whether they do.
    """

    uid: str
    public: str
    url: str
    enabled: bool


def shared(api: Api, uid: str) -> Shared | None:
    """How a dashboard is shared; None where it never was, or where this Grafana shares nothing."""
    return _read(api, uid, api.find(_path(uid)))


def can_share(api: Api) -> bool:
    """Whether this Grafana shares dashboards publicly."""
    return api.find("/api/dashboards/public-dashboards") is not None


def share(api: Api, plan: Plan) -> Shared:
    """Write the public copy and share it.

    Parameters:
        plan: of the one copy, which nothing is in the way of.

    Raises:
        ToolError: Grafana does not answer, does not allow it, or cannot share.
    """
    if not can_share(api):
        raise ToolError([_cannot_share(api)])
    (step,) = plan.steps
    for folder in plan.folders:
        make_folder(api, folder)
    if step.works:
        write(api, step)
    wanted = {"isEnabled": True, "annotationsEnabled": False, "timeSelectionEnabled": False, "share": "public"}
    before = shared(api, step.uid)
    if before is None:
        made = api.post(_path(step.uid), wanted)
    elif not before.enabled:
        made = api.put(f"{_path(step.uid)}/{before.public}", wanted)
    else:
        return before
    return _read(api, step.uid, made) or _asserted(shared(api, step.uid), api)


def unshare(api: Api, uid: str) -> None:
    """Stop sharing a dashboard, and delete the public copy unless somebody changed it.

    Parameters:
        uid: the public copy.

    Raises:
        ToolError: Grafana does not answer, or does not allow it.
    """
    before = shared(api, uid)
    if before is not None:
        api.delete(f"{_path(uid)}/{before.public}")
    found = find(api, uid)
    if found is not None and found.mark is not None and not found.edited:
        api.delete(f"/api/dashboards/uid/{uid}")


def _path(uid: str) -> str:
    return f"/api/dashboards/uid/{uid}/public-dashboards"


def _read(api: Api, uid: str, told: Any) -> Shared | None:
    if not isinstance(told, dict) or not told.get("accessToken"):
        return None
    url = f"{api.url}/public-dashboards/{told['accessToken']}"
    return Shared(uid, str(told.get("uid", "")), url, bool(told.get("isEnabled")))


def _asserted(found: Shared | None, api: Api) -> Shared:
    if found is None or not found.enabled:
        raise ToolError([_cannot_share(api)])
    return found


def _cannot_share(api: Api) -> Problem:
    return Problem(
        code="upload/cannot-share",
        summary=f"this Grafana shares no dashboard publicly: {api.url}",
        must="public dashboards are switched on: always from 10 on unless its administrator said no, before that by"
        " the feature toggle publicDashboards",
        fix="set `enabled = true` under [public_dashboards] in its configuration; nothing was shared",
        where=Place(path=api.url),
    )
