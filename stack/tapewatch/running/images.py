"""Gets the images of the stack: those that are here, those that a registry has, those that are built."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tapewatch.running.docker import Docker, last_words
from tapewatch.running.project import ComposeProject, Service

__all__ = ["Told", "fetch", "present"]

Told = Callable[[str, str], None]
"""Is told what is being done with a service: its name and a word, such as `pulling`. Called from several threads."""

AT_ONCE = 4
"""Images that are pulled at a time; docker itself fetches three layers of each at a time."""

SILENCE = 20.0
"""Seconds that a registry may take to say that it has an image; what then follows may take as long as it likes."""

BUILD_TIMEOUT = 1800.0
"""Seconds that a build may take; its base image and packages may have to be fetched over a slow line."""

_NO_ANSWER = re.compile(
    r"no such host|i/o timeout|timeout exceeded|connection refused|connection reset|network is unreachable|"
    r"no route to host|server misbehaving|tls handshake|deadline exceeded|temporary failure|proxyconnect|"
    r"unexpected eof",
    re.IGNORECASE,
)
"""What a pull says when nobody answers, in contrast to a registry that says no."""


def present(docker: Docker, images: Iterable[str]) -> dict[str, str]:
    """The images that are on this machine, with their identifiers."""
    names = tuple(dict.fromkeys(images))
    at_once = docker.inspect(*names, kind="image")
    if len(at_once) == len(names):
        return {name: said["Id"] for name, said in zip(names, at_once, strict=True)}
    each = {name: docker.inspect(name, kind="image") for name in names}
    return {name: said[0]["Id"] for name, said in each.items() if said}


def fetch(project: ComposeProject, wanted: Sequence[Service], told: Told) -> dict[str, str]:
    """Pull or build the images of services.

    Pulls run beside each other. From a registry that does not answer nothing further is asked.

    Parameters:
        project: the stack.
        wanted: services whose image is not here.
        told: is told what is being done.

    Returns:
        Why an image could not be had, by its name; images that are here now are not in it.
    """
    built = {service.image: service for service in wanted if service.builds}
    pulled: dict[str, list[str]] = {}
    for service in wanted:
        if service.image not in built:
            pulled.setdefault(service.image, []).append(service.name)
    puller = _Puller(told)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            reasons = dict(zip(pulled, pool.map(lambda image: puller.pull(image, pulled[image]), pulled), strict=True))
        except BaseException:  # interrupted: what runs would otherwise be waited for
            puller.give_up()
            raise
    for image, service in built.items():
        told(service.name, "building")
        reasons[image] = _build(project, service)
    return {image: reason for image, reason in reasons.items() if reason}


def _build(project: ComposeProject, service: Service) -> str:
    done = project.call("build", service.name, timeout=BUILD_TIMEOUT)
    return f"it could not be built: {last_words(done.stderr)}" if done.returncode != 0 else ""


class _Puller:
    """Pulls images, and remembers which registries do not answer."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._silent: dict[str, str] = {}
        self._running: dict[str, list[subprocess.Popen[str]]] = {}
        self._lock = threading.Lock()

    def pull(self, image: str, services: Iterable[str]) -> str:
        """Pull an image; gives the reason when it cannot be had, and an empty text when it is here."""
        registry = _registry(image)
        with self._lock:
            if registry in self._silent:
                return self._silent[registry]
            process = subprocess.Popen(
                ["docker", "pull", image],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            self._running.setdefault(registry, []).append(process)
        for service in services:
            self._told(service, "pulling")
        said = _follow(process)
        code = process.wait()
        with self._lock:
            self._running[registry].remove(process)
            if code == 0:
                return ""
            if registry in self._silent:  # given up, because another pull learnt that nobody answers
                return self._silent[registry]
            reason = last_words("\n".join(said)) if said else f"no answer within {SILENCE:.0f} s"
            if said and not _NO_ANSWER.search(reason):
                return f"it cannot be pulled: {reason}"
            self._silent[registry] = f"the registry does not answer: {reason}"
            for other in self._running[registry]:
                other.terminate()
            return self._silent[registry]

    def give_up(self) -> None:
        """End the pulls that run, and begin no further ones."""
        with self._lock:
            for registry, processes in self._running.items():
                self._silent[registry] = "given up"
                for process in processes:
                    process.terminate()


def _follow(process: subprocess.Popen[str]) -> list[str]:
    """All that a pull says; it is ended when it says nothing at all for too long."""
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    said = []
    with suppress(queue.Empty):
        line = lines.get(timeout=SILENCE)
        while line is not None:
            said.append(line)
            line = lines.get()
    if not said:
        process.terminate()
    reader.join()
    process.stdout.close()
    return said


def _registry(image: str) -> str:
    """The host that an image comes from; the one that docker takes by default is called by an empty name."""
    host, slash, _ = image.partition("/")
    return host if slash and (host == "localhost" or set(host) & set(".:")) else ""
