"""What an upload would do to a Grafana. Only reads: a dry run that asks the server to pretend could change it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tapewatch.renderers.grafana import folder_uid
from tapewatch.uploading.api import Api
from tapewatch.uploading.marker import Mark, digest_of, mark_of, marked
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Folder", "Found", "Kind", "Plan", "Step", "find", "folder_of", "plan"]

Kind = Literal["create", "update", "unchanged", "delete", "changed there", "not ours"]
"""What becomes of a dashboard. The last two are left as they are, and are problems."""

PAGE = 1000
"""Dashboards that are listed at a time; Grafana allows 5,000."""

WORK: Collection[Kind] = ("create", "update", "delete")
"""What changes something."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of ours.

    Parameters:
        uid: its UID, which follows from the title, as in the files that Grafana is provisioned with.
        title: its title; one that a person gave it since is kept.
    """

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Found:
    """A dashboard that Grafana has.

    Parameters:
        uid, title, folder: the UID of the folder; empty at the top.
        version: Grafana's number of the version, which a change must name.
        provisioned: whether it comes from a file, and no request can change it.
        mark: ours, where it has one.
        edited: whether somebody changed it since it was uploaded.
    """

    uid: str
    title: str
    folder: str
    version: int
    provisioned: bool
    mark: Mark | None
    edited: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one dashboard.

    Parameters:
        kind: what.
        uid, title: the dashboard.
        why: why it is left as it is, or what of it differs.
        folder: where it goes.
        model: what is written; empty where nothing is.
        mark: our mark on it.
        version: the version that it replaces; 0 where there is none.
    """

    kind: Kind
    uid: str
    title: str
    why: str = ""
    folder: Folder | None = None
    model: dict[str, Any] = field(default_factory=dict, repr=False)
    mark: Mark | None = None
    version: int = 0

    @property
    def works(self) -> bool:
        """Whether it changes something."""
        return self.kind in WORK


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upload would do.

    Parameters:
        folders: those that are missing.
        steps: one for each dashboard, in the order of the project; then those that would be deleted.
        strangers: titles of the dashboards in our folders that are not ours; they are left alone.
    """

    folders: Sequence[Folder]
    steps: Sequence[Step]
    strangers: Sequence[str]

    @property
    def works(self) -> bool:
        """Whether anything would be changed."""
        return any(step.works for step in self.steps)

    def problems(self) -> Iterator[Problem]:
        """What is in the way."""
        return (_left(step) for step in self.steps if step.kind in ("changed there", "not ours"))


def folder_of(title: str) -> Folder:
    """The folder of a title."""
    return Folder(folder_uid(title), title)


def plan(
    api: Api,
    dashboards: Sequence[Dashboard],
    project: str,
    *,
    overwrite: Collection[str] = (),
    whole: bool = True,
) -> Plan:
    """Compare dashboards with what Grafana has.

    Parameters:
        api: the Grafana; it is only asked.
        dashboards: what should be there.
        project: `platform.name` of the catalogue; what another project uploaded is not ours.
        overwrite: UIDs of dashboards of ours that may be written although somebody changed them there.
        whole: whether these are all dashboards of the project, so that further ones of ours are gone from it.

    Raises:
        ToolError: Grafana does not answer, or does not let us in.
    """
    folders = list(dict.fromkeys(folder_of(dashboard.folder) for dashboard in dashboards))
    steps = [_step(dashboard, find(api, dashboard.uid), project, overwrite) for dashboard in dashboards]
    missing = [folder for folder in folders if api.look(f"/api/folders/{folder.uid}") is None]
    there = [folder for folder in folders if folder not in missing]
    others = _others(api, {folder.uid for folder in there}, {dashboard.uid for dashboard in dashboards})
    ours = [each for each in others if each.mark is not None and each.mark.project == project]
    gone = [_gone(each, overwrite) for each in ours] if whole else []
    strangers = [each.title for each in others if each not in ours]
    needed = {step.folder for step in steps if step.works}
    return Plan([folder for folder in missing if folder in needed], [*steps, *gone], sorted(strangers))


def find(api: Api, uid: str) -> Found | None:
    """What Grafana has under a UID; None where that is nothing that we may see."""
    answer = api.look(f"/api/dashboards/uid/{uid}")
    if answer is None:
        return None
    model, meta = answer["dashboard"], answer["meta"]
    mark = mark_of(model)
    version = int(model.get("version") or meta.get("version") or 0)
    edited = mark is not None and digest_of(model) != mark.digest and not _is_our_save(api, mark, version)
    return Found(
        uid=uid,
        title=str(model.get("title", uid)),
        folder=str(meta.get("folderUid") or ""),
        version=version,
        provisioned=bool(meta.get("provisioned")),
        mark=mark,
        edited=edited,
    )


def _is_our_save(api: Api, mark: Mark, version: int) -> bool:
    """Whether the newest version is an upload of ours, although the text is another: newer Grafanas migrate it."""
    told = api.find(f"/api/dashboards/uid/{mark.uid}/versions/{version}")
    return isinstance(told, dict) and told.get("message") == mark.message


def _step(dashboard: Dashboard, found: Found | None, project: str, overwrite: Collection[str]) -> Step:
    model, mark = marked(dashboard.model, project)
    folder, uid, title = folder_of(dashboard.folder), dashboard.uid, dashboard.title
    if found is None:
        return Step("create", uid, title, folder=folder, model=model, mark=mark)
    if why := _not_ours(found, project):
        return Step("not ours", uid, found.title, why)
    assert found.mark is not None
    if found.edited and uid not in overwrite:
        return Step("changed there", uid, title, "somebody changed it in Grafana since it was uploaded")
    moved = found.folder != folder.uid
    if found.mark.digest == mark.digest and not found.edited and not moved:
        return Step("unchanged", uid, title)
    why = "what was changed in Grafana is lost" if found.edited else "it goes into its folder" if moved else ""
    return Step("update", uid, title, why, folder, model, mark, found.version)


def _not_ours(found: Found, project: str) -> str:
    if found.provisioned:
        return "it comes from a file that this Grafana is provisioned with"
    if found.mark is None:
        return "somebody else made a dashboard of this UID"
    return "" if found.mark.project == project else f"the project {found.mark.project} uploaded it"


def _gone(found: Found, overwrite: Collection[str]) -> Step:
    if found.edited and found.uid not in overwrite:
        why = "it is gone from the project, but somebody changed it in Grafana since it was uploaded"
        return Step("changed there", found.uid, found.title, why)
    return Step("delete", found.uid, found.title, "it is gone from the project", version=found.version)


def _others(api: Api, folders: Collection[str], known: Collection[str]) -> list[Found]:
    """What lies in our folders besides."""
    listed = [hit for hit in _listed(api) if hit.get("folderUid") in folders and hit.get("uid") not in known]
    return [found for hit in listed if (found := find(api, str(hit["uid"]))) is not None]


def _listed(api: Api) -> Iterator[dict[str, Any]]:
    page = 1
    while hits := api.get("/api/search", type="dash-db", limit=PAGE, page=page):
        yield from hits
        if len(hits) < PAGE:
            return
        page += 1


def _left(step: Step) -> Problem:
    if step.kind == "not ours":
        return Problem(
            code="upload/not-ours",
            summary=f"`{step.title}` ({step.uid}) is left alone: {step.why}",
            must="a dashboard of this UID that is there already was uploaded by this project",
            fix="remove it there, or give it another UID, if it is not needed",
            where=Place(path=step.uid),
        )
    return Problem(
        code="upload/changed-there",
        summary=f"`{step.title}` ({step.uid}) is left alone: {step.why}",
        must="dashboards are changed in the project, and uploaded",
        fix=f"bring the change into the project's code, then say --overwrite {step.uid}",
        where=Place(path=step.uid),
    )
