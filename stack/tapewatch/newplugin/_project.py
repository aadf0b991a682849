"""The files of a new plugin, made from the templates.

A template is the very code that the documentation shows, for a plugin called `acme-tapewatch`; its names are replaced.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

from tapewatch.newplugin._kinds import Kind
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.loading import names
from tapewatch_sdk.problems import Place, Problem

__all__ = ["project_files"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 50
_OURS = ("tapewatch", "tapewatch_sdk", "tapewatch_alerts", "tapewatch_dashboards", "tests")

_EXAMPLE = "acme-tapewatch"


def project_files(kind: Kind, name: str) -> dict[str, str]:
    """The project of a new plugin: path -> text.

    Parameters:
        kind: what it is to be.
        name: its name: of the distribution, of the entry point, and with `_` of the package.

    Raises:
        ProblemsError: the name cannot be had.
    """
    _check(kind, name)
    module = name.replace("-", "_")
    templates = files("tapewatch.newplugin") / "templates"
    found = {
        "pyproject.toml": _text(templates / "common/pyproject.toml.txt"),
        "README.md": _text(templates / "common/README.md.txt"),
        ".gitignore": _text(templates / "common/gitignore.txt"),
        f"{module}/__init__.py": _text(templates / "common/__init__.py.txt"),
        f"{module}/py.typed": "",
    }
    for path, text in _below(templates / kind.name):
        place = f"tests/test_{module}.py" if path == "test.py" else f"{module}/{path}"
        found[place] = text
    return {path: _filled(text, kind, name) for path, text in sorted(found.items())}


def _below(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{prefix}{each.name}/")
        elif each.name.endswith(".txt"):
            yield prefix + each.name.removesuffix(".txt"), _text(each)


def _text(template: Traversable) -> str:
    return template.read_text(encoding="utf-8")


def _filled(text: str, kind: Kind, name: str) -> str:
    marks = {
        "@USE@": kind.use,
        "@SUMMARY@": kind.summary,
        "@KIND@": kind.name,
        "@GROUP@": kind.group,
        "@MODULE@": kind.module,
        "@STACK@": ', "tapewatch[stack]"' if kind.stack else "",
        "@VERSION@": version("tapewatch"),
    }
    for mark, value in marks.items():
        text = text.replace(mark, value)
    for spelt in (str, _snake, _camel, _upper):
        text = text.replace(spelt(_EXAMPLE), spelt(name))
    return text


def _snake(name: str) -> str:
    return name.replace("-", "_")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _upper(name: str) -> str:
    return _snake(name).upper()


def _check(kind: Kind, name: str) -> None:
    module = _snake(name)
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        reason = "is no name of a plugin"
    elif keyword.iskeyword(module) or module in sys.stdlib_module_names or module in _OURS:
        reason = f"would be the package `{module}`, which Python or tapewatch has already"
    elif name in names(kind.group):
        reason = f"is the name of a {kind.name} that is installed already"
    else:
        return
    raise ProblemsError(
        [
            Problem(
                code="plugins/bad-name",
                summary=f"`{name}` {reason}",
                must=f"lower-case words with `-` between them, at most {_LONGEST} characters, that nobody else uses",
                fix="choose another name, such as acme-inventory",
                where=Place(path=name),
            )
        ]
    )
