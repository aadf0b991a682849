"""Timers: how long a block or a function takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from time import perf_counter
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from tapewatch_sdk.instruments.errors import instrument_error

__all__ = ["Timer"]

P = ParamSpec("P")
R = TypeVar("R")


class Timer:
    """Observes durations in seconds, also of what ends with an exception.

        with latency.time():        # or: async with
            ...

        @latency.time()             # a function or a coroutine function
        async def send(order): ...

    A timer serves one block at a time; as a decorator it serves any number of calls at once.

    Parameters:
        observe: is given each duration.
    """

    __slots__ = ("_observe", "_start", "seconds")

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._start = 0.0
        self.seconds = 0.0
        """How long the last block took."""

    def __enter__(self) -> Self:
        self._start = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = perf_counter() - self._start
        self._observe(self.seconds)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Time each call of a function; of a coroutine function, from its first step to its end.

        Raises:
            InstrumentError: it is a generator function, whose call says nothing about how long it runs.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", str(function))
            raise instrument_error(
                "not-timeable",
                f"`{name}` is a generator function, which returns before it runs",
                must="a function or a coroutine function",
                fix="use `with histogram.time():` inside it",
                name=name,
            )
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._around_coroutine(function))
        return self._around(function)

    def _around(self, function: Callable[P, R]) -> Callable[P, R]:
        observe = self._observe

        @wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                observe(perf_counter() - start)

        return timed

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        observe = self._observe

        @wraps(function)
        async def timed(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            try:
                return await function(*args, **kwargs)
            finally:
                observe(perf_counter() - start)

        return timed
