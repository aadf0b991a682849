"""The package that docs/plugins.md and docs/rules.md build up, taken from the pages and installed in a folder."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from docs.pages import page

__all__ = ["files_on", "install"]

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
    files = {**files_on("plugins.md"), **files_on("rules.md")}
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
