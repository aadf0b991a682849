"""Runs a program that ends when whoever wanted it is gone, however that ended.

Started as a script of its own (`python -IS guard.py LIFELINE PROGRAM ARGUMENT...`), with nothing but the standard
library. LIFELINE is the number of the reading end of a pipe whose other end only the wanting process has: the kernel
closes that with the process, also after SIGKILL and whichever of its threads made it. A program that was asked to end
(SIGTERM) and does not is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

__all__ = ["main"]

GRACE = 5.0
"""Seconds that the program has to end when nobody wants it any more."""

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_NOT_FOUND = 127
"""Exit code for a program that cannot be started, as shells have it."""


def main(lifeline: int, command: list[str]) -> NoReturn:
    """Run a program; ends as it ends.

    Parameters:
        lifeline: a file descriptor; its end of file is the end of the program.
        command: program and arguments.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # until there is somebody to hand them on to
    library = _kernel_calls()
    guard = os.getpid()
    program = os.fork()
    if program == 0:
        _become(command, guard, library)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        os.kill(program, number)

    for number in _ENDS:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
    threading.Thread(target=_watch, args=(lifeline, program), daemon=True).start()
    _, status = os.waitpid(program, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _kernel_calls() -> Any:
    """Linux's C library, loaded before the fork; elsewhere there is no such call."""
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _become(command: list[str], guard: int, library: Any) -> NoReturn:
    """In the fork, which has one thread: be the program, and die with the guard."""
    try:
        if library is not None:
            # The guard's main thread is the one that forked, and it lives as long as the guard.
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        os.execv(command[0], command)  # noqa: S606 -- the program that our caller named
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_FOUND)


def _watch(lifeline: int, program: int) -> None:
    while os.read(lifeline, 64):
        pass
    # If it has just ended, this process has as well: the main thread waits for nothing else.
    os.kill(program, signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(program, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
