"""The suite of renderers."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tapewatch_sdk.plugins import File, Request
from tapewatch_sdk.testing._requested import RequestedSuite
from tapewatch_sdk.testing._saying import hold

__all__ = ["RendererSuite"]

_USERS_OWN = ("catalogue.yaml", "docker-compose.override.yml", ".env", ".gitignore", "Dockerfile")
_STATE = ".tapewatch/"


class RendererSuite(RequestedSuite):
    """What holds for a renderer: a pure function whose files tapewatch can write, beside those of all others."""

    group: ClassVar[str] = "tapewatch.renderers"
    hook: ClassVar[str] = "render"
    result: ClassVar[str] = "files"

    @classmethod
    def answer(cls, plugin: Any, request: Request) -> bytes:
        """The files of a renderer, in the order of their paths."""
        files = [(_file(file).path, file.text) for file in plugin.render(request)]
        return json.dumps(sorted(files), ensure_ascii=True, indent=0).encode()

    def test_its_paths_stay_inside_the_project(self) -> None:
        for path in self._paths():
            outside = path.startswith(("/", "~")) or "\\" in path or ":" in path
            parts = path.split("/")
            hold(
                not outside and not {"", ".", ".."} & set(parts),
                f"it writes {path!r}",
                "a path is relative to the project, with `/`, and does not lead out of it",
                "write below `provisioning/`",
            )

    def test_its_paths_are_not_the_users_own(self) -> None:
        for path in self._paths():
            hold(
                path not in _USERS_OWN and not path.startswith((_STATE, ".git/")),
                f"it writes {path!r}",
                "what the user or git writes is nobody else's",
                "choose another path, below `provisioning/`",
            )

    def test_no_path_is_written_twice(self) -> None:
        paths = self._paths()
        folded = [path.casefold() for path in paths]
        twice = sorted({path for path in paths if folded.count(path.casefold()) > 1})
        hold(
            not twice,
            f"it writes {', '.join(twice)} more than once",
            "each file is written once; names that differ in case alone are one file on some machines",
            "join what belongs together, or rename one",
        )

    def test_its_text_can_be_written_on_any_machine(self) -> None:
        for file in self._files():
            wrong = "\\r" if "\r" in file.text else "\\0" if "\0" in file.text else _no_utf8(file.text)
            hold(
                not wrong,
                f"the text of {file.path} has {wrong}",
                "lines end with \\n, and the text is UTF-8",
                'join lines with "\\n", and take texts as they stand in the catalogue',
            )

    def test_every_file_ends_with_a_line_end(self) -> None:
        for file in self._files():
            hold(
                file.text.endswith("\n") or not file.text,
                f"{file.path} ends with {file.text[-20:]!r}",
                "a text file ends with a line end, or git shows a change where there is none",
                'end it with "\\n"',
            )

    def test_no_other_renderer_writes_its_files(self) -> None:
        plugin, request, own = self.made(), self.request, set(self._paths())
        for other in self._found():
            if other.plugin is None or (other.name == plugin.name and type(other.plugin) is type(plugin)):
                continue
            both = sorted(own & {file.path for file in other.plugin.render(request)})
            hold(
                not both,
                f"{', '.join(both)} is written by the renderer `{other.name}` too",
                "each generated file belongs to one renderer",
                f"choose a path of its own, such as provisioning/{plugin.name}/...",
            )

    def _files(self) -> list[File]:
        plugin, request = self.made(), self.request
        self.answered(plugin, request)
        return list(plugin.render(request))

    def _paths(self) -> list[str]:
        return [file.path for file in self._files()]


def _file(given: Any) -> Any:
    if not isinstance(given, File):
        raise TypeError(f"{given!r:.80} is no tapewatch_sdk.plugins.File")
    return _with_text(given)


def _with_text(given: Any) -> Any:
    if not isinstance(given.path, str) or not isinstance(given.text, str):
        raise TypeError(f"{given!r:.80} has no path and text that are texts")
    return given


def _no_utf8(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"{error.object[error.start]!r}"
    return ""
