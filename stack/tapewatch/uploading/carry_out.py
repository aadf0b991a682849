"""Carrying a plan out, one dashboard after the other, each against the version that the plan saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tapewatch.uploading.api import Api, ApiError
from tapewatch.uploading.plan import Folder, Found, Plan, Step, find
from tapewatch_sdk.problems import Place, Problem

__all__ = ["carry_out", "make_folder", "write"]

_CONFLICT = (409, 412)
"""Statuses of what changed meanwhile, or is there already."""

_REFUSED_FOR_ALL = (401, 403)
"""Statuses that the next dashboard would get as well."""


def carry_out(api: Api, plan: Plan, done: Callable[[Step], None]) -> Iterator[Problem]:
    """Do what a plan says.

    Parameters:
        api: the Grafana.
        plan: what is to be done.
        done: told of each step that was done.

    Yields:
        what could not be done; the rest goes on.

    Raises:
        ToolError: Grafana does not answer, or does not allow it; what was done before stays.
    """
    for folder in plan.folders:
        make_folder(api, folder)
    for step in (step for step in plan.steps if step.works):
        try:
            _carry_out(api, step)
        except ApiError as error:
            if error.status in _REFUSED_FOR_ALL:
                raise
            yield _failed(step, error)
        else:
            done(step)


def make_folder(api: Api, folder: Folder) -> None:
    """Make a folder, unless it is there.

    Raises:
        ApiError: Grafana refuses it, such as for another folder of this title.
    """
    try:
        api.post("/api/folders", {"uid": folder.uid, "title": folder.title})
    except ApiError:
        if api.look(f"/api/folders/{folder.uid}") is None:  # somebody, or an earlier try of ours, was quicker
            raise


def write(api: Api, step: Step) -> None:
    """Create or update a dashboard.

    Raises:
        ApiError: Grafana refuses it, such as with `version-mismatch` when somebody was quicker.
    """
    assert step.folder is not None, "only what is written has a folder"
    assert step.mark is not None, "and a mark"
    body = {
        "dashboard": {**step.model, "id": None, "version": step.version},
        "folderUid": step.folder.uid,
        "message": step.mark.message,
        "overwrite": False,  # Grafana then refuses what is based on another version
    }
    try:
        api.post("/api/dashboards/db", body)
    except ApiError as error:
        # A try whose answer was lost may have written it.
        if error.status not in _CONFLICT or not _is_written(find(api, step.uid), step):
            raise


def _carry_out(api: Api, step: Step) -> None:
    if step.kind != "delete":
        write(api, step)
        return
    found = find(api, step.uid)
    if found is None:
        return
    if found.version != step.version:  # deleting takes no version, so it is looked at once more
        raise ApiError(api.url, 412, "somebody changed it meanwhile", "version-mismatch")
    api.delete(f"/api/dashboards/uid/{step.uid}")


def _is_written(found: Found | None, step: Step) -> bool:
    return found is not None and found.mark == step.mark and not found.edited


def _failed(step: Step, error: ApiError) -> Problem:
    if error.state == "version-mismatch":
        return Problem(
            code="upload/changed-meanwhile",
            summary=f"`{step.title}` ({step.uid}) is left alone: somebody changed it since the plan was made",
            must="nobody saves a dashboard while it is uploaded",
            fix="run the command again, and look at its plan",
            where=Place(path=step.uid),
        )
    return Problem(
        code="upload/failed",
        summary=f"`{step.title}` ({step.uid}) could not be written: {error.reason}",
        must="Grafana takes every dashboard of the project",
        fix="mend what it names; the other dashboards are written",
        where=Place(path=step.uid),
    )
