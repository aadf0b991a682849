"""Compiles server programs from the Go module proxy, at the versions that the catalogue pins.

`go install module@version` refuses a module whose go.mod holds `replace` directives, and most of these do. So the
module is downloaded, its folder copied and the program built inside the copy.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from _catalogue_pins import Pin
from _tools import BuildError, Made, run, run_again

__all__ = ["RECIPES", "Recipe", "compile_programs"]

GO = {"CGO_ENABLED": "0", "GOWORK": "off", "GOGC": "off", "GOMEMLIMIT": "2GiB"}
"""Static binaries, which also run in an image without libc; no workspace file of the module's authors; and a compiler
that collects no garbage before it has 2 GiB, which saves a tenth of the time (Alertmanager: 50 s instead of 56)."""


def _plain_version(module_version: str) -> str:
    return module_version.removeprefix("v")


def _prometheus_version(module_version: str) -> str:
    """Prometheus 3.13.5 is the module version v0.313.5: the minor number holds major and minor, two digits of it."""
    found = re.fullmatch(r"v0\.(\d+)(\d\d)\.(.+)", module_version)
    if found is None:
        raise BuildError(f"{module_version} is no version of the Prometheus module, which look like v0.313.5")
    major, minor, patch = found.groups()
    return f"{major}.{int(minor)}.{patch}"


def _jaeger_version(module_version: str) -> str:
    """Jaeger 2 carries its own numbers beside the module's: 2.0.0 was released as v1.63.0, 2.13.0 as v1.76.0."""
    found = re.fullmatch(r"v1\.(\d+)\.(.+)", module_version)
    if found is None or int(found.group(1)) < 63:
        raise BuildError(f"{module_version} holds no Jaeger 2; module versions from v1.63.0 on do")
    return f"2.{int(found.group(1)) - 63}.{found.group(2)}"


def _day_version(module_version: str) -> str:
    """Of a commit that no tag names the day stands for the version: v0.0.0-20260212201848-7aac2a2c5b7c is 2026.2.12."""
    found = re.fullmatch(r"v\d+\.\d+\.\d+-(?:0\.)?(\d{4})(\d\d)(\d\d)\d{6}-[0-9a-f]{12}", module_version)
    if found is None:
        raise BuildError(f"{module_version} is no commit, which look like v0.0.0-20260212201848-7aac2a2c5b7c")
    return ".".join(str(int(number)) for number in found.groups())


def _nothing(_source: Path, _version: str) -> None:
    return None


def _placeholder_web_page(source: Path, _version: str) -> None:
    """Alertmanager embeds its web page, which npm would build; any file in the folder lets the compiler go on."""
    page = source / "ui" / "app" / "dist" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<p>Built without the web page; the API is whole.</p>\n", encoding="utf-8")


def _push_from_proxy(source: Path, _version: str) -> None:
    """Loki replaces its push module by a folder that its archive does not hold; the proxy has the module itself."""
    push = "github.com/grafana/loki/pkg/push"
    run(["go", "mod", "edit", f"-dropreplace={push}"], source, GO)
    run_again(["go", "mod", "download", push], source, GO)  # notes its checksum, which a replaced module has none of


def _staging_from_proxy(source: Path, version: str) -> None:
    """Kubernetes replaces its own libraries by folders that its archive does not hold; the proxy has each of them.

    Their version 0.36.3 is that of Kubernetes 1.36.3. Its samples are the only ones that the proxy lacks, and nobody
    needs them.
    """
    described = json.loads(run(["go", "mod", "edit", "-json"], source, GO))
    staged = [each["Old"]["Path"] for each in described["Replace"] if each["New"]["Path"].startswith("./staging/")]
    own = version.replace("v1.", "v0.", 1)
    samples = [path for path in staged if path.startswith("k8s.io/sample-")]
    wanted = [path for path in staged if path not in samples]
    edits = [f"-dropreplace={path}" for path in staged] + [f"-droprequire={path}" for path in samples]
    edits += [f"-require={path}@{own}" for path in wanted]
    shutil.rmtree(source / "vendor", ignore_errors=True)  # what its archive holds of it is not whole
    run(["go", "mod", "edit", *edits], source, GO)
    run_again(["go", "mod", "download", *wanted], source, GO)


def _own_libraries_from_proxy(source: Path, _version: str) -> None:
    """The operator replaces two modules of its own by folders that its archive does not hold; the proxy has both."""
    own = [f"github.com/prometheus-operator/prometheus-operator/pkg/{name}" for name in ("apis/monitoring", "client")]
    run(["go", "mod", "edit", *(f"-dropreplace={path}" for path in own)], source, GO)
    run_again(["go", "mod", "download", *own], source, GO)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the programs of one module are compiled.

    Parameters:
        packages: package folder inside the module for each program.
        version_variable: the Go variable that `--version` prints, set by the linker.
        version: turns the module's version into the program's.
        prepare: what must be changed in the copied folder before the build; is told the module's version.
        data: a folder of the module that is kept beside its programs; empty for none.
        printed: what the variable is set to; `{}` stands for the version.
        tags: build tags, without which the compiler takes other files of the module or its libraries.
    """

    packages: Mapping[str, str]
    version_variable: str = "github.com/prometheus/common/version.Version"
    version: Callable[[str], str] = _plain_version
    prepare: Callable[[Path, str], None] = _nothing
    data: str = ""
    printed: str = "{}"
    tags: tuple[str, ...] = ()


RECIPES: Mapping[str, Recipe] = {
    "github.com/prometheus/prometheus": Recipe(
        {"prometheus": "./cmd/prometheus", "promtool": "./cmd/promtool"}, version=_prometheus_version
    ),
    "github.com/prometheus/alertmanager": Recipe(
        {"alertmanager": "./cmd/alertmanager", "amtool": "./cmd/amtool"}, prepare=_placeholder_web_page
    ),
    "github.com/prometheus/node_exporter": Recipe({"node_exporter": "."}),
    "github.com/grafana/loki/v3": Recipe(
        {"loki": "./cmd/loki"},
        version_variable="github.com/grafana/loki/v3/pkg/util/build.Version",
        prepare=_push_from_proxy,
    ),
    "github.com/jaegertracing/jaeger": Recipe(
        {"jaeger": "./cmd/jaeger"},
        version_variable="github.com/jaegertracing/jaeger/internal/version.latestVersion",
        version=_jaeger_version,
    ),
    "github.com/minio/minio": Recipe(
        {"minio": "."}, version_variable="github.com/minio/minio/cmd.ReleaseTag", version=_day_version
    ),
    "github.com/grafana/mimir": Recipe(
        {"mimir": "./cmd/mimir"},
        version_variable="github.com/grafana/mimir/pkg/util/version.Version",
        version=_day_version,
    ),
    "k8s.io/kubernetes": Recipe(
        {"kube-apiserver": "./cmd/kube-apiserver"},
        version_variable="k8s.io/component-base/version.gitVersion",
        prepare=_staging_from_proxy,
        printed="v{}",
    ),
    # It reads the memory of Prometheus's labels as what they are with this tag; without, it dies of the first question.
    "github.com/thanos-io/thanos": Recipe({"thanos": "./cmd/thanos"}, tags=("slicelabels",)),
    # With the definitions of its objects, which an API server must know before it takes one.
    "github.com/prometheus-operator/prometheus-operator": Recipe(
        {"operator": "./cmd/operator"}, prepare=_own_libraries_from_proxy, data="example/prometheus-operator-crd"
    ),
}
"""By module path, so that the catalogue may name its components as it likes."""


def compile_programs(pin: Pin, recipe: Recipe, workshop: Path) -> list[Made]:
    """Compiles every program of the module, inside `workshop`.

    Parameters:
        pin: module and version.
        recipe: how it is compiled.
        workshop: an empty folder for the source and the results; the caller removes it.

    Raises:
        BuildError: Go is missing, the module cannot be downloaded, or it does not compile.
    """
    source = workshop / "source"
    shutil.copytree(_download(pin, workshop), source)
    _make_writable(source)
    recipe.prepare(source, pin.module_version)
    version = recipe.version(pin.module_version)
    # -s -w leave out the debugger's tables, about a third of the size.
    linker = f"-s -w -X {recipe.version_variable}={recipe.printed.format(version)}"
    for name, package in recipe.packages.items():
        build = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", linker, "-o", str(workshop / name)]
        run_again([*build, *(["-tags", ",".join(recipe.tags)] if recipe.tags else []), package], source, GO)
    data = source / recipe.data if recipe.data else None
    return [Made(name, version, workshop / name, data) for name in recipe.packages]


def _download(pin: Pin, workshop: Path) -> Path:
    command = ["go", "mod", "download", "-json", f"{pin.module}@{pin.module_version}"]
    return Path(json.loads(run_again(command, workshop, GO))["Dir"])


def _make_writable(folder: Path) -> None:
    """Go's module cache is read-only, and so is a copy of it until told otherwise."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
