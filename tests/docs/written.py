"""The package that docs/plugins.md, docs/plugins/ and docs/rules.md build up, installed in a folder."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from docs.pages import DOCS, page

__all__ = ["KIND_PAGES", "files_on", "install"]

KIND_PAGES = tuple(sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "plugins").glob("*.md")))
"""The pages of the kinds of plugins; each shows a module of the package."""

_NAME = re.compile(r"(?:# |<!-- )(?P<name>[\w./-]+\.(?:py|toml|yaml|md))(?: -->)?\n")


def files_on(name: str) -> dict[str, str]:
    """The files that a page shows: a block whose first line is a comment with a path."""
    found = {}
    for block in page(name).blocks:
        if match := _NAME.match(block.text):
            assert match["name"] not in found, f"{name} shows {match['name']} twice"
            found[match["name"]] = block.text[match.end() :].lstrip("\n")
    return found


def install(folder: Path, **changed: str) -> Mapping[str, str]:
    """Write the package and its metadata, as an installer would; the environment that makes Python find it.

    Parameters:
        folder: an empty folder.
        changed: other contents, by the name of a module.
    """
    pages = ("plugins.md", "rules.md", *KIND_PAGES)
    files = {path: text for name in pages for path, text in files_on(name).items() if not path.startswith("tests/")}
    files |= {f"acme_tapewatch/{module}.py": text for module, text in changed.items()}
    project = tomllib.loads(files["pyproject.toml"])["project"]
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    metadata = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    files[f"{metadata}/METADATA"] = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    files[f"{metadata}/entry_points.txt"] = "\n".join(points)
    files["acme_tapewatch/__init__.py"] = ""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))}
