"""Pulls images, and finds out once whether a registry can be reached at all."""

from __future__ import annotations

import queue
import subprocess
import threading
from dataclasses import dataclass, field

__all__ = ["Registries", "registry_of"]

ANSWER_TIMEOUT = 20.0
"""Seconds until `docker pull` must have heard from the registry. Where names do not resolve it fails at once; behind a
firewall that drops packets it would hang for minutes."""

PULL_TIMEOUT = 1800.0
"""Seconds for a whole pull: 200 MB at 1 Mbit/s."""

REFUSALS = ("manifest unknown", "not found", "access denied", "unauthorized", "no matching manifest")
"""What a registry says that is reached and does not give this one image."""


@dataclass(slots=True)
class Registries:
    """Pulls from registries, and asks none a second time that gave no answer.

    Parameters:
        allowed: whether a registry may be asked at all.
    """

    allowed: bool = True
    _silent: set[str] = field(default_factory=set)

    def answers(self, name: str) -> bool:
        """Whether the registry of this image may be asked and is not known to be out of reach."""
        return self.allowed and registry_of(name) not in self._silent

    def pull(self, name: str) -> str:
        """Pulls an image.

        Parameters:
            name: image with tag.

        Returns:
            Why it could not be pulled, the whole of it only the first time; empty when it was.
        """
        registry = registry_of(name)
        if not self.allowed:
            return "no registry was asked"
        if registry in self._silent:
            return f"the registry {registry} does not answer"
        failure = _pull(name)
        if not failure or any(refusal in failure for refusal in REFUSALS):
            return failure
        self._silent.add(registry)
        return f"the registry {registry} does not answer ({failure})"


def registry_of(name: str) -> str:
    """The registry that an image's name points to, by docker's rule: the first part, if it looks like a host."""
    first, slash, _ = name.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"


def _pull(name: str) -> str:
    command = ["docker", "pull", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_forward, args=(process, lines), daemon=True)
    reader.start()
    try:
        first = lines.get(timeout=ANSWER_TIMEOUT)
        process.wait(PULL_TIMEOUT)
    except queue.Empty:
        return f"nothing heard within {ANSWER_TIMEOUT:.0f} s"
    except subprocess.TimeoutExpired:
        return f"not complete after {PULL_TIMEOUT:.0f} s"
    finally:
        process.kill()
        process.wait()
        reader.join()
    said = [first, *lines.queue]
    return "" if process.returncode == 0 else _last(said)


def _forward(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            lines.put(line.strip())
    lines.put("")  # the end is news as well


def _last(said: list[str]) -> str:
    """The last line that says something, without docker's preamble."""
    words = next((line for line in reversed(said) if line), "docker pull failed without a word")
    return words.removeprefix("Error response from daemon: ")
