"""What the SDK offers, name by name, and that having it costs nothing that a service does not need."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PUBLIC = {
    "errors": {"PluginError", "ProblemsError", "TapewatchError", "ToolError"},
    "families": {"Family", "MetricType"},
    "plugins": {
        "API_VERSION", "GROUPS", "CatalogueView", "Check", "Dashboard", "DashboardPack", "File", "Plugin", "Renderer",
        "Request", "RuleView", "RulesPack", "ServiceView",
    },
    "problems": {"Place", "Problem", "Severity"},
}  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_offers_these_names_and_no_others(module: str) -> None:
    loaded = import_module(f"tapewatch_sdk.{module}")

    assert set(loaded.__all__) == PUBLIC[module]
    assert all(hasattr(loaded, name) for name in loaded.__all__)


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    modules = ", ".join(f"tapewatch_sdk.{module}" for module in PUBLIC)
    heavy = "{'pydantic', 'fastapi', 'duckdb', 'yaml', 'rich', 'click', 'grafanalib', 'jinja2'}"
    code = f"import sys, tapewatch_sdk, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_sdk_imports_no_other_room() -> None:
    code = "import sys, tapewatch_sdk.plugins, tapewatch_sdk.names; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    ours = {name.partition(".")[0] for name in done.stdout.split() if name.startswith("tapewatch")}
    assert ours == {"tapewatch_sdk"}
