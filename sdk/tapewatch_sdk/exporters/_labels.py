"""The service's own labels on every point, and which names they may have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["checked", "merged", "text"]

_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_OF_TYPES = frozenset({"le", "quantile"})


def merged(own: Mapping[str, str], service: Mapping[str, str]) -> dict[str, str]:
    """The labels of a point: the service's stand over the instrument's, which become `exported_NAME`.

    Parameters:
        own: what the instrument sets; an empty value is as good as none.
        service: the service's own, none of them empty.
    """
    found = dict(service)
    for name, value in own.items():
        if not value:
            continue
        if name in service:
            name = f"exported_{name}"
            while name in service or own.get(name):
                name = f"exported_{name}"
        found[name] = value
    return found


def text(value: object) -> str:
    """A value of a label as text that can be encoded."""
    return str(value).encode(errors="replace").decode()


def checked(labels: Mapping[str, object]) -> dict[str, str]:
    """Labels that a service may put on all of its points.

    Raises:
        ProblemsError: a name is no label name, or is kept for Prometheus and for histograms.
    """
    wrong = [name for name in labels if not _NAME.fullmatch(str(name)) or name in _OF_TYPES]
    if wrong:
        raise ProblemsError(
            [
                Problem(
                    "push/bad-label",
                    f"`{name}` cannot be a label of all that is pushed",
                    must="letters, digits and `_`, not beginning with a digit or `__`; nor is it `le` or `quantile`",
                    fix="rename the label",
                    where=Place(path=f"labels.{name}"),
                )
                for name in wrong
            ]
        )
    return {str(name): text(value) for name, value in labels.items()}
