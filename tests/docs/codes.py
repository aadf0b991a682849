"""The problem codes that the source can produce, found by reading it.

Every code is in the end the `code` of a `Problem(...)`. Where that is not written out but made from a parameter of the
function around it (`f"writing/{code}"`), the calls of that function are followed, and so on. What is made in any other
way must be listed in `COMPUTED`, with the table that the source itself takes it from.
"""

from __future__ import annotations

import ast
import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.samples import ROOT
from tapewatch.schema import explain
from tapewatch.writing import _failures

__all__ = ["SOURCES", "codes_of", "source_codes"]

SOURCES = tuple(ROOT / folder for folder in ("sdk", "stack", "alerts", "dashboards"))

COMPUTED: Mapping[str, frozenset[str]] = {
    # pydantic's type of error, for the scalar types that are our own.
    "kind.replace('_', '-') if kind in _CUSTOM else 'bad-value'": frozenset(
        {"bad-value", *(kind.replace("_", "-") for kind in explain._CUSTOM)}
    ),
    # What the operating system refused; any number that is not in the table is a `disk`.
    "code in disk_problem": frozenset(
        {_failures.disk_problem(OSError(number, "x"), "x").code.removeprefix("writing/") for number in errno.errorcode}
    ),
}
"""Parts of codes that cannot be followed, by their expression, or `NAME in FUNCTION` for a local name."""


@dataclass(frozen=True)
class _Hole:
    """A part of a code that the source works out."""

    expression: str


_Template = tuple[str | _Hole, ...]


@dataclass(frozen=True)
class _Maker:
    """A function whose argument ends up in a code: the template is the code, with the parameter as its only hole."""

    parameter: str
    position: int
    template: _Template


@dataclass(frozen=True)
class _Site:
    """A call in the source, with the classes and functions around it, innermost last."""

    call: ast.Call
    around: tuple[ast.ClassDef | ast.FunctionDef, ...]
    file: Path

    @property
    def name(self) -> str:
        function = self.call.func
        return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

    @property
    def functions(self) -> Iterator[ast.FunctionDef]:
        """The functions around the call, innermost first."""
        return (each for each in reversed(self.around) if isinstance(each, ast.FunctionDef))

    def argument(self, maker: _Maker) -> ast.expr | None:
        for keyword in self.call.keywords:
            if keyword.arg == maker.parameter:
                return keyword.value
        return self.call.args[maker.position] if maker.position < len(self.call.args) else None


_PROBLEM = _Maker("code", 0, (_Hole("code"),))


class _Reading:
    """The calls of some files, read again and again until no further function is found that passes a code on."""

    def __init__(self, files: Iterable[Path]) -> None:
        trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
        self._imported = {file: _imported(tree) for file, tree in trees.items()}
        self._sites = [site for file, tree in trees.items() for site in _sites(tree, (), file)]
        self._makers: dict[tuple[str, str], dict[_Maker, None]] = {("", "Problem"): {_PROBLEM: None}}
        self.codes: set[str] = set()
        self.unseen: dict[str, str] = {}
        known = 0
        while known != (known := sum(map(len, self._makers.values()))):
            self.codes, self.unseen = set(), {}  # what was read before all functions were known may be wrong
            for site in self._sites:
                for maker in self._makers_of(site):
                    self._read(site, maker)

    def _makers_of(self, site: _Site) -> list[_Maker]:
        """The functions that a call may mean: of its own file, else of its folder, else one that the file imports."""
        for scope in (str(site.file), str(site.file.parent)):
            if (scope, site.name) in self._makers:
                return list(self._makers[scope, site.name])
        if site.name not in self._imported[site.file]:
            return []
        return [maker for (_, name), makers in self._makers.items() if name == site.name for maker in makers]

    def _read(self, site: _Site, maker: _Maker) -> None:
        given = site.argument(maker)
        if given is None:
            return  # a default, or a call of something else of that name; `Problem` itself insists on a code
        for filled in _templates(given):
            template = tuple(each for part in maker.template for each in ((part,) if isinstance(part, str) else filled))
            for whole in self._computed(template, site):
                self._note(whole, site)

    def _computed(self, template: _Template, site: _Site) -> list[_Template]:
        """The template with the values of `COMPUTED` put in."""
        found: list[_Template] = [()]
        inside = next(site.functions).name if any(site.functions) else "the module"
        for part in template:
            values: Iterable[str | _Hole] = (part,)
            if isinstance(part, _Hole):
                values = COMPUTED.get(part.expression) or COMPUTED.get(f"{part.expression} in {inside}") or (part,)
            found = [(*each, value) for each in found for value in values]
        return found

    def _note(self, template: _Template, site: _Site) -> None:
        holes = [part for part in template if isinstance(part, _Hole)]
        if not holes:
            self.codes.add("".join(map(str, template)))
            return
        owner = next((each for each in site.functions if holes[0].expression in _parameters(each)), None)
        if owner is None or len(holes) > 1:
            self.unseen[f"{site.file.name}:{site.call.lineno}"] = ", ".join(hole.expression for hole in holes)
            return
        names = _parameters(owner)
        position = names.index(holes[0].expression) - (names[0] == "self")
        maker = _Maker(holes[0].expression, position, template)
        self._makers.setdefault(_scope(owner, site), {})[maker] = None


def _scope(function: ast.FunctionDef, site: _Site) -> tuple[str, str]:
    """Where a function is known, and by which name; an object that is called goes by the name of its class."""
    name, scope = function.name, site.file.parent
    if name == "__call__":
        name = next(each.name for each in reversed(site.around) if isinstance(each, ast.ClassDef)).strip("_").lower()
    elif name.startswith("_"):
        scope = site.file
    return str(scope), name


def _sites(node: ast.AST, around: tuple[ast.ClassDef | ast.FunctionDef, ...], file: Path) -> Iterator[_Site]:
    if isinstance(node, ast.Call):
        yield _Site(node, around, file)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        around = (*around, node)
    for child in ast.iter_child_nodes(node):
        yield from _sites(child, around, file)


def _imported(tree: ast.Module) -> frozenset[str]:
    """The names that a module imports from others, wherever in it."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.name for node in imports for alias in node.names)


def _templates(node: ast.expr) -> list[_Template]:
    """What an expression can be: texts, with a hole for what is not written out."""
    match node:
        case ast.Constant(value=str() as text):
            return [(text,)]
        case ast.IfExp(body=body, orelse=orelse) if ast.unparse(node) not in COMPUTED:
            return [*_templates(body), *_templates(orelse)]
        case ast.JoinedStr(values=values):
            return [tuple(_piece(each) for each in values)]
    return [(_Hole(ast.unparse(node)),)]


def _piece(node: ast.expr) -> str | _Hole:
    if isinstance(node, ast.FormattedValue):
        return _Hole(ast.unparse(node.value))
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def codes_of(files: Iterable[Path]) -> tuple[frozenset[str], dict[str, str]]:
    """The codes that some files can produce, and the calls whose code cannot be seen: place -> expression."""
    reading = _Reading(files)
    return frozenset(reading.codes), reading.unseen


def source_codes() -> tuple[frozenset[str], dict[str, str]]:
    """The same for the whole source."""
    return codes_of(file for folder in SOURCES for file in sorted(folder.rglob("*.py")))
