"""The containers of a compose project: what state each service is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tapewatch.running.docker import Docker
from tapewatch.running.project import ComposeProject, Service

__all__ = ["BAD", "GOOD", "Container", "State", "containers", "log_tail", "state_of"]

_LABEL = "com.docker.compose"
_STAND_IN = "io.tapewatch.stand-in"
_VERSION = "io.tapewatch.version"

_KILLED = 137
"""Exit code after SIGKILL."""


class State(StrEnum):
    """How a service is."""

    MISSING = "not made"
    """It has no container."""
    CREATED = "created"
    STARTING = "starting"
    """It runs; its health check has not passed yet."""
    HEALTHY = "healthy"
    RUNNING = "running"
    """It runs, and has no health check."""
    DONE = "done"
    """It had one thing to do and has done it."""
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"
    """It ends again and again."""
    EXITED = "exited"
    PAUSED = "paused"


GOOD = frozenset({State.HEALTHY, State.RUNNING, State.DONE})
"""Nothing is left to wait for."""

BAD = frozenset({State.UNHEALTHY, State.EXITED})
"""It will not become good by itself."""


@dataclass(frozen=True, slots=True)
class Container:
    """What the daemon says of a container.

    Parameters:
        id: its identifier.
        name: its name.
        image: identifier of its image.
        status: the daemon's word: created, running, restarting, exited, paused, ...
        health: starting, healthy or unhealthy; empty without a health check.
        started: when it was started last; `None` when it never was.
        exit_code: the code with which it ended last.
        out_of_memory: whether the daemon saw the kernel end it because it used more memory than it may.
        memory: the most that it may use, in bytes; 0 for any amount.
        error: why the daemon could not start it.
        restarts: how often docker started it again.
        checks: the output of the last health checks, the newest last.
        config_hash: compose's name for its settings.
        ports: where a port such as `9090/tcp` is published: address and port of the host.
        labels: its labels and those of its image.
        volumes: where each named volume is mounted, by the volume's name.
    """

    id: str
    name: str
    image: str
    status: str
    health: str = ""
    started: datetime | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    memory: int = 0
    error: str = ""
    restarts: int = 0
    checks: tuple[str, ...] = ()
    config_hash: str = ""
    ports: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_starved(self) -> bool:
        """Whether it used more memory than it may: the daemon says so, or it was killed, and it has a limit.

        Of two things that happen at once the daemon may hear the end first, and then it never tells the reason.
        """
        return self.out_of_memory or (self.exit_code == _KILLED and self.memory > 0)

    @property
    def is_stand_in(self) -> bool:
        """Whether its image was made on this machine in place of the pinned one."""
        return self.labels.get(_STAND_IN) == "true"

    @property
    def labelled_version(self) -> str:
        """The true version of the program in its image, as far as the image tells."""
        return self.labels.get(_VERSION, "")

    def url(self, service: Service) -> str:
        """Where people open the service: at the first port that it publishes. Empty when it publishes none."""
        for port in service.ports:
            if bound := self.ports.get(f"{port.target}/{port.protocol}"):
                address, number = bound
                host = "127.0.0.1" if address in ("", "0.0.0.0", "::") else address  # noqa: S104
                return f"http://{f'[{host}]' if ':' in host else host}:{number}"
        return ""


def containers(project: ComposeProject) -> dict[str, Container]:
    """The first container of each service that has one."""
    labels = (f"{_LABEL}.project={project.name}", f"{_LABEL}.oneoff=False")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    found = project.docker.inspect(*project.docker.ask("ps", "--all", "--quiet", "--no-trunc", *filters).split())
    found.sort(key=lambda each: int(each["Config"]["Labels"].get(f"{_LABEL}.container-number", 1)), reverse=True)
    return {each["Config"]["Labels"][f"{_LABEL}.service"]: _container(each) for each in found}


def state_of(service: Service, container: Container | None) -> State:
    """How a service is."""
    if container is None:
        return State.MISSING
    if container.status == "running":
        return State(container.health) if container.health else State.RUNNING
    if container.status in ("created", "restarting", "paused"):
        return State(container.status)
    return State.DONE if container.exit_code == 0 and service.ends else State.EXITED


def log_tail(docker: Docker, container: Container, lines: int) -> list[str]:
    """The last lines that a container wrote."""
    done = docker.call("logs", "--tail", str(lines), container.id)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-lines:]


def _container(said: Mapping[str, Any]) -> Container:
    state, config = said["State"], said["Config"]
    health = state.get("Health") or {}
    return Container(
        id=said["Id"],
        name=said["Name"].lstrip("/"),
        image=said["Image"],
        status=state["Status"],
        health={"none": ""}.get(health.get("Status", ""), health.get("Status", "")),
        started=_time(state["StartedAt"]),
        exit_code=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        memory=said["HostConfig"]["Memory"],
        error=state["Error"],
        restarts=said["RestartCount"],
        checks=tuple(each["Output"].strip() for each in health.get("Log") or () if each["ExitCode"] != 0),
        config_hash=config["Labels"].get(f"{_LABEL}.config-hash", ""),
        ports=dict(_published(said["NetworkSettings"]["Ports"] or {})),
        labels=config["Labels"],
        volumes={each["Name"]: each["Destination"] for each in said["Mounts"] if each["Type"] == "volume"},
    )


def _published(ports: Mapping[str, Any]) -> list[tuple[str, tuple[str, int]]]:
    return [(port, (bound[0]["HostIp"], int(bound[0]["HostPort"]))) for port, bound in ports.items() if bound]


def _time(text: str) -> datetime | None:
    """The daemon's time, which has nanoseconds; the year 1 means never."""
    whole = text.partition(".")[0].removesuffix("Z")
    return None if whole.startswith("0001") else datetime.fromisoformat(f"{whole}+00:00")
