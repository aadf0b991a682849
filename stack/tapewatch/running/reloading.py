"""Lets the running servers read their files again, and waits until they live by them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tapewatch import layout
from tapewatch.running.clients import Alertmanager, Grafana, Prometheus, RefusedError
from tapewatch.running.containers import Container, log_tail
from tapewatch.running.freshness import ALERTMANAGER_FILE, alertmanager_hash, file_of, part_of
from tapewatch.running.live import INSIDE, differences
from tapewatch.running.password import grafana_password
from tapewatch.running.project import ComposeProject
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["RELOADED", "reload_alertmanager", "reload_grafana", "reload_prometheus", "reload_service", "reloaded"]

RELOADED = ("alertmanager", "prometheus", "grafana")
"""The parts that can be told to read their files again, in the order in which they are."""


def reloaded(names: Iterable[str]) -> list[str]:
    """The services among these that can be told to, members of a part (`prometheus-b`) one after the other."""
    found = {name: part for name in names if (part := part_of(name)) in RELOADED}
    return sorted(found, key=lambda name: (RELOADED.index(found[name]), name))


LIVE_WITHIN = 30.0
"""Seconds until the new configuration must be live; Prometheus gathers changes of its targets for 5 s."""

POLL = 0.2
"""Seconds between two looks."""

_FILE = re.compile(r"(?P<file>/[^\s:\"']+\.ya?ml)(?:\"?: ?(?P<line>\d+):(?P<column>\d+))?")
_ERROR = re.compile(r'\berr="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"\bline (\d+)")

Check = Callable[[], str]
"""Holds a server's files against its own rules; gives what is wrong with them, and an empty text when nothing is."""


def reload_service(project: ComposeProject, name: str, container: Container) -> str:
    """Let a service of the stack read its files again.

    Parameters:
        project: the stack.
        name: one that `reloaded` gives.
        container: its container.

    Returns:
        What is live now, in words.

    Raises:
        RefusedError: the server refused its files, and goes on with those that it had.
        ToolError: it does not run, does not answer, or does not live by its files in time.
    """
    url = container.url(project.services[name])
    if container.status != "running" or not url:
        raise ToolError([_not_running(name, container)])
    if part_of(name) == "alertmanager":
        return reload_alertmanager(Alertmanager(url), project.folder / ALERTMANAGER_FILE)
    if part_of(name) == "grafana":
        return reload_grafana(Grafana(url, grafana_password(project)))
    return reload_prometheus(
        Prometheus(url),
        project.folder / file_of(name),
        check=lambda: _promtool(project, container, Path(file_of(name)).name),
        log=lambda: log_tail(project.docker, container, 20),
    )


def reload_prometheus(
    server: Prometheus,
    config: Path,
    check: Check = lambda: "",
    log: Callable[[], Sequence[str]] = tuple,
    timeout: float = LIVE_WITHIN,
) -> str:
    """Let Prometheus read its files again, and wait until its rules and targets are those of the files.

    A broken rule file would be refused, while the rest of the configuration changed all the same: Prometheus loads its
    parts one after the other. So everything is checked first.

    Parameters:
        server: the running one.
        config: its configuration on disk.
        check: what Prometheus itself would find wrong; asked before anything is changed.
        log: its last lines, which alone tell what is wrong with a rule file.
        timeout: seconds until the files must be live.
    """
    if wrong := check():
        raise ToolError([_refused(server.name, wrong, config)])
    try:
        server.reload()
    except RefusedError as error:
        raise ToolError([_refused(server.name, _complaint(error.reason, log()), config)]) from error
    end = time.monotonic() + timeout
    while different := differences(server, config):
        if time.monotonic() > end:
            raise ToolError([_not_live(server.name, different, config, timeout)])
        time.sleep(POLL)
    rules = server.rules()
    alerts = len({rule["name"] for rule in rules if rule["type"] == "alerting"})
    return f"{len(rules)} rules, {alerts} alerts"


def reload_alertmanager(server: Alertmanager, config: Path) -> str:
    """Let Alertmanager read its file again, and see that it is this very file; raises like `reload_prometheus`."""
    try:
        server.reload()
    except RefusedError as error:
        raise ToolError([_refused(server.name, error.reason, config)]) from error
    if server.metric("alertmanager_config_hash") != alertmanager_hash(config.read_bytes()):
        raise ToolError([_not_live(server.name, [f"what it has loaded is not {config.name}"], config, 0.0)])
    return "routes and receivers"


def reload_grafana(server: Grafana) -> str:
    """Let Grafana read its data sources and dashboards again; raises like `reload_prometheus`."""
    for kind in ("datasources", "dashboards"):
        try:
            server.reload(kind)
        except RefusedError as error:
            if error.status == 401:
                raise ToolError([_wrong_password(server.url)]) from error
            raise ToolError(
                [_refused(server.name, error.reason, Path(f"{layout.GRAFANA}/provisioning/{kind}"))]
            ) from error
    return "data sources and dashboards"


def _promtool(project: ComposeProject, container: Container, file: str) -> str:
    """What the promtool beside the running Prometheus says of its files; nothing where there is none."""
    command = ("promtool", "check", "config", "--lint=none", f"{INSIDE}/{file}")
    done = project.docker.call("exec", container.id, *command)
    if done.returncode in (0, 125, 126, 127):  # 126 and 127: the program is not there
        return ""
    said = (done.stdout + done.stderr).partition("FAILED:")[2]
    return said.partition("\n\n")[0].strip() or done.stderr.strip()


def _complaint(reason: str, log: Sequence[str]) -> str:
    """What Prometheus says; of a rule file its log alone tells which one it is, and what is wrong there."""
    vague = "one or more errors"
    if vague not in reason:
        return reason
    errors = [match[1].replace('\\"', '"') for line in log if (match := _ERROR.search(line)) and vague not in line]
    return next((error for error in reversed(errors) if _FILE.search(error)), reason)


def _refused(server: str, reason: str, config: Path) -> Problem:
    plain = " ".join(reason.split())[:1000]
    return Problem(
        code="server/refused",
        summary=f"{server} refuses the new files: {plain}",
        must=f"{server} accepts what is generated; until then it goes on with what it had",
        fix="correct what it names in the catalogue or the pack, then `tapewatch generate` and `tapewatch reload`",
        where=_place(reason, config),
    )


def _place(reason: str, config: Path) -> Place:
    """The line that a server complains of, in the file as it lies here: it sees the folder of its files elsewhere."""
    match, line = _FILE.search(reason), _LINE.search(reason)
    path = _here(match["file"], config) if match else config
    number = int((match and match["line"]) or (line[1] if line else 0))
    column = int((match and match["column"]) or 0)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    excerpt = lines[number - 1] if 0 < number <= len(lines) else ""
    return Place(
        file=_shown(path), line=number, column=column, excerpt=excerpt, excerpt_column=column if excerpt else 0
    )


def _here(inside: str, config: Path) -> Path:
    """The file that a container calls `inside`: its name is enough below the folder of the configuration."""
    name = Path(inside).name
    found = (path for path in (config.parent / name, *config.parent.glob(f"*/{name}")) if path.is_file())
    return next(found, config)


def _shown(path: Path) -> str:
    """A path as a person writes it: from the project on."""
    parts = path.parts
    return "/".join(parts[parts.index(layout.PROVISIONING) :]) if layout.PROVISIONING in parts else str(path)


def _not_live(server: str, different: Sequence[str], config: Path, timeout: float) -> Problem:
    more = f", and {len(different) - 3} more" if len(different) > 3 else ""
    return Problem(
        code="server/not-live",
        summary=f"{server} accepted its files, but does not live by them after {timeout:.0f} s: "
        f"{'; '.join(different[:3])}{more}",
        must=f"{server} reads the files that lie here",
        fix="a container does not see a folder that was replaced as a whole: run `tapewatch down` and `tapewatch up`",
        where=Place(file=_shown(config)),
    )


def _not_running(name: str, container: Container) -> Problem:
    reason = "it publishes no port" if container.status == "running" else f"it does not run ({container.status})"
    return Problem(
        code="server/not-running",
        summary=f"{name} cannot be reloaded: {reason}",
        must=f"{name} runs and publishes its port",
        fix="run `tapewatch up`",
        where=Place(path=name),
    )


def _wrong_password(url: str) -> Problem:
    return Problem(
        code="server/password",
        summary="Grafana refuses the password of its first start: somebody has changed it",
        must="the password of Grafana's user admin is the one in the volume `secrets`",
        fix="set it back in Grafana, or restart Grafana: `docker compose restart grafana` reads the files too",
        where=Place(path=url),
    )
