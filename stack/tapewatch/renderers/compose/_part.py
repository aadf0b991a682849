"""What a part of the stack says of itself, and how it is asked whether it is well."""

from __future__ import annotations

from typing import Any, NamedTuple

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.high_availability import Replicated
from tapewatch.catalogue.stack import Program
from tapewatch.renderers.members import PROFILE, Member, members
from tapewatch.renderers.where import Where

__all__ = [
    "KEYS",
    "OURS",
    "RUN",
    "Part",
    "further",
    "key_volume",
    "mounted",
    "own_volume",
    "own_volumes",
    "python_asks",
    "wget",
]

RUN = "/run/tapewatch"
"""Where what is made at the first start lies in the containers."""

KEYS = f"{RUN}/history"
"""Where the history's key lies."""

OURS = 10001
"""The user of our own image."""


class Part(NamedTuple):
    """What differs from one part of the stack to the next."""

    name: str
    program: Program
    memory: str
    ports: tuple[str, ...] = ()
    """Names of the ports in `stack.ports` that are published."""
    published: tuple[str, ...] = ()
    """Further ports, which are published under their own number."""
    command: tuple[str, ...] = ()
    volumes: tuple[str | dict[str, Any], ...] = ()
    health: tuple[str, ...] = ()
    """Command that ends with 0 when the part is ready."""
    after: tuple[str, ...] = ()
    """Parts that must be healthy before."""
    mapped: tuple[tuple[int, int], ...] = ()
    """Ports that are published under another number: that of the host, and that of the container."""
    of: str = ""
    """The part that it is a further member of; it has the same secrets."""
    more: tuple[tuple[str, Any], ...] = ()
    """Further keys."""


def key_volume(catalogue: Catalogue) -> tuple[str, ...]:
    """The volume with the history's key, for those that call it."""
    return (f"history-key:{KEYS}:ro",) if catalogue.stack.history else ()


def wget(port_and_path: str) -> tuple[str, ...]:
    """Asks a part of its own container, with what busybox and alpine have."""
    return ("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port_and_path}")


def python_asks(port: str, path: str) -> tuple[str, ...]:
    """Asks a part of its own container, where there is neither wget nor curl."""
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{path}', timeout=3)"
    return ("python", "-ISc", ask)


def mounted(part: str, where: Where) -> str:
    """The part's folder of generated files. Never a single file: those are replaced, and a mount keeps the old one."""
    return f"./{layout.PROVISIONING}/{part}:{where.config[part]}:ro"


def own_volume(catalogue: Catalogue, member: Member, inside: str) -> str:
    """Where a member keeps its data: a volume, or the folder of the host that the catalogue gives it."""
    ha = catalogue.stack.high_availability
    folders = ha.data.get(member.part, ()) if ha else ()
    return f"{folders[member.number] if folders else member.part + member.suffix}:{inside}"


def own_volumes(catalogue: Catalogue, part: Replicated) -> tuple[str, ...]:
    """The volumes of a part's members; none of those whose data lie in folders of the host."""
    found = (own_volume(catalogue, each, "") for each in members(catalogue.stack, part))
    return tuple(each.rstrip(":") for each in found if not each.startswith("/"))


def further(member: Member) -> tuple[tuple[str, Any], ...]:
    """What a member has that only repeats another's work: the profile by which it is asked for."""
    return (("profiles", [PROFILE]),) if member.repeats else ()
