"""The compose project: the services of `docker-compose.yml` as compose itself reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tapewatch import layout
from tapewatch.running.docker import TIMEOUT, Completed, Docker, failure, last_words, run
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["EVERY_PROFILE", "ComposeProject", "Port", "Service"]

OVERRIDES = ("docker-compose.override.yml", "docker-compose.override.yaml")
"""The user's own changes, which compose reads by itself as long as nobody tells it which files to read."""

EVERY_PROFILE = ("*",)
"""All services of the file, also those of profiles."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a service publishes.

    Parameters:
        address: the host's address that it is bound to; empty for all.
        published: the host's port; empty when docker chooses one.
        target: the port inside the container.
        protocol: tcp or udp.
    """

    address: str
    published: str
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the file.

    Parameters:
        name: its name.
        image: the image's name with its tag.
        builds: whether the file says how to build the image.
        needs: the services that must be there before it, with compose's condition.
        ports: what it publishes, in the order of the file.
        checked: whether it has a health check.
        restarts: whether docker starts it again when it ends.
        profiles: those that it belongs to; without any it always belongs to the stack.
    """

    name: str
    image: str
    builds: bool = False
    needs: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    checked: bool = False
    restarts: bool = False
    profiles: tuple[str, ...] = ()

    @property
    def ends(self) -> bool:
        """Whether it may end: it has one thing to do, and is not meant to go on running."""
        return not self.checked and not self.restarts

    @property
    def pinned(self) -> str:
        """The version that the image's tag promises, such as `3.13.5`; empty without a tag."""
        _, _, tag = self.image.partition("@")[0].rpartition("/")[2].partition(":")
        return tag.removeprefix("v")


class ComposeProject:
    """The stack of a folder.

    Parameters:
        folder: the folder that holds `docker-compose.yml`.
        docker: docker on this machine.
        name: another name than the file's, so that several stacks fit on one machine.
        profiles: the profiles whose services belong to it.

    Raises:
        ToolError: the file is not there, compose does not accept it, or it has no such profile.
    """

    def __init__(self, folder: Path, docker: Docker, name: str | None = None, profiles: Iterable[str] = ()) -> None:
        self.folder = folder.absolute()
        self.docker = docker
        if not (folder / layout.COMPOSE).is_file():
            raise ToolError([_no_file(folder)])
        files = (layout.COMPOSE, *OVERRIDES)
        self._options = ["--project-directory", str(self.folder)]
        self._options += [
            word for file in files if (folder / file).is_file() for word in ("-f", str(self.folder / file))
        ]
        self._options += ["-p", name] if name else []
        self._check_profiles(tuple(profiles))
        self._options += [word for profile in profiles for word in ("--profile", profile)]
        config = json.loads(self._config("--format", "json"))
        self.name: str = config["name"]
        self.services: Mapping[str, Service] = {
            name: _service(name, content, self.name) for name, content in (config.get("services") or {}).items()
        }

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """By service what compose calls its container's settings; a container with another one would be replaced."""
        pairs = (line.split() for line in self._config("--hash", "*").splitlines())
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def command(self, *arguments: str) -> list[str]:
        """`docker compose ARGUMENTS` for this project, as a list of words."""
        return [*self.docker.compose, *self._options, *arguments]

    def call(self, *arguments: str, timeout: float = TIMEOUT) -> Completed:
        """Run `docker compose ARGUMENTS` for this project, however it ends."""
        return run(self.command(*arguments), timeout)

    def known(self, names: Iterable[str]) -> tuple[str, ...]:
        """The same names, all of which are services.

        Raises:
            ToolError: the file has no such service.
        """
        wrong = [name for name in names if name not in self.services]
        if wrong:
            raise ToolError([_unknown("service", name, self.services) for name in wrong])
        return tuple(names)

    def _check_profiles(self, profiles: tuple[str, ...]) -> None:
        asked = [profile for profile in profiles if profile not in EVERY_PROFILE]
        known = self._config("--profiles").split() if asked else []
        wrong = [_unknown("profile", profile, known) for profile in asked if profile not in known]
        if wrong:
            raise ToolError(wrong)

    def _config(self, *arguments: str) -> str:
        done = self.call("config", *arguments)
        if done.returncode != 0:
            raise ToolError([_invalid(done.stderr)])
        return done.stdout


def _service(name: str, content: Mapping[str, Any], project: str) -> Service:
    needs = content.get("depends_on") or {}
    return Service(
        name=name,
        image=content.get("image") or f"{project}-{name}",
        builds="build" in content,
        needs={other: each["condition"] for other, each in needs.items() if each.get("required", True)},
        ports=tuple(_port(each) for each in content.get("ports") or ()),
        checked=bool(content.get("healthcheck")) and not content["healthcheck"].get("disable"),
        restarts=content.get("restart", "no") not in ("no", ""),
        profiles=tuple(content.get("profiles") or ()),
    )


def _port(content: Mapping[str, Any]) -> Port:
    return Port(
        content.get("host_ip", ""), str(content.get("published", "")), content["target"], content.get("protocol", "tcp")
    )


def _no_file(folder: Path) -> Problem:
    return Problem(
        code="compose/no-file",
        summary=f"there is no {layout.COMPOSE} in {folder.absolute()}",
        must=f"the project holds {layout.COMPOSE}, which is generated from catalogue.yaml",
        fix="run `tapewatch generate`, or name the project's folder with --project",
        where=Place(file=str(folder / layout.COMPOSE)),
    )


def _invalid(said: str) -> Problem:
    problem = failure(said, "docker compose config")
    if problem.code != "compose/failed":
        return problem
    return Problem(
        code="compose/invalid",
        summary=f"compose does not accept the file: {last_words(said)}",
        must=f"{layout.COMPOSE}, with the override file if there is one, is what compose understands",
        fix=f"correct {OVERRIDES[0]} if it is yours; {layout.COMPOSE} is made anew by `tapewatch generate`",
        where=Place(file=layout.COMPOSE),
    )


def _unknown(kind: str, name: str, known: Iterable[str]) -> Problem:
    from tapewatch.schema.nearest import nearest  # with pydantic behind it, which `up` does not wait for

    names = sorted(known)
    near = nearest(name, names)
    return Problem(
        code="compose/unknown-name",
        summary=f"the stack has no {kind} `{name}`" + (f"; did you mean `{near}`?" if near else ""),
        must=f"a {kind} of {layout.COMPOSE}: {', '.join(names) or 'it has none'}",
        fix=f"write `{near}`" if near else "correct the name",
        where=Place(path=name),
    )
