"""Makes `docker compose` work where docker came without it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from _debian_programs import DEBIAN_ONLY
from _server_jobs import Say, debian_job, make, only_one_run
from _tools import BuildError
from tapewatch.servers import cache_folder, cached

__all__ = ["provide_compose"]

NAME = "docker-compose"


def provide_compose(say: Say) -> str:
    """Links docker compose from the cache folder into docker's folder for plugins, unless it works already.

    Parameters:
        say: told what is going on, when it takes long.

    Returns:
        What was done.

    Raises:
        BuildError: it is not there, cannot be had from Debian, or does not work when it is linked.
    """
    if version := _version():
        return f"there already, {version}"
    job = debian_job("from Debian:", {NAME: DEBIAN_ONLY[NAME]})
    with only_one_run(cache_folder()):
        if not job.present():
            say(f"making {job.title} first", minutes=True)
            make(job)
    program, link = cached(NAME)[0], _link()
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists() and not link.is_symlink():
        raise BuildError(f"{link} is there and does not work: take it away, then run this again")
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    version = _version()
    if not version:
        raise BuildError(f"{link} is linked to {program}, and `docker compose version` fails all the same")
    return f"{version}, linked {link} to {program}"


def _link() -> Path:
    chosen = os.environ.get("DOCKER_CONFIG")
    folder = Path(chosen).expanduser().absolute() if chosen else Path.home() / ".docker"
    return folder / "cli-plugins" / NAME


def _version() -> str:
    """What `docker compose` says of itself; empty when there is none."""
    answer = subprocess.run(
        ["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=60, check=False
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""
