"""Work in a forked child, which cannot hang for ever."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from typing import Any

__all__ = ["in_child"]

PATIENCE = 30
"""Seconds after which a child that hangs is ended by the system."""


def in_child(work: Callable[[], Any]) -> Any:
    """What the work gives in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)
        code = 1
        try:
            os.write(writing, pickle.dumps(work()))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the child raised, or hung until the alarm ended it"
    return pickle.loads(answer)
