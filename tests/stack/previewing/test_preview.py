"""`tapewatch preview`, and its page in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.browser import browser
from support.cli import run
from support.samples import ROOT
from tapewatch.panels import all_panels
from tapewatch.project import open_project

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample in a git repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("catalogue.yaml", "docker-compose.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "provisioning", folder / "provisioning")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "before"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def page_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page with all dashboards, open."""
    path = tmp_path_factory.mktemp("page") / "preview.html"
    done = run("preview", f"--output={path}", folder=ROOT)
    assert done.returncode == 0, done.stderr
    with browser() as page:
        page.goto(path.as_uri())
        yield page


def test_every_dashboard_is_on_the_page_and_reached_by_its_link(page_of_all: Page) -> None:
    for board in open_project(ROOT).dashboards:
        page_of_all.get_by_role("link", name=board.title, exact=True).first.click()
        assert page_of_all.locator(f"section[id='{board.uid}'] svg").bounding_box()["height"] > 100  # type: ignore[index]


def test_panels_stand_where_grafana_puts_them_and_no_text_leaves_its_panel(page_of_all: Page) -> None:
    outside = page_of_all.evaluate(
        """() => [...document.querySelectorAll('svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1);
            }).map(text => text.textContent);
        })"""
    )

    assert outside == []


def test_nothing_is_loaded_from_elsewhere(page_of_all: Page) -> None:
    loaded = page_of_all.evaluate("() => performance.getEntriesByType('resource').map(each => each.name)")

    assert loaded == []


def test_every_query_can_be_read(page_of_all: Page) -> None:
    for board in open_project(ROOT).dashboards:
        section = page_of_all.locator(f"section[id='{board.uid}']")
        section.locator("summary").click()
        listed = section.locator("code").all_inner_texts()
        exprs = [
            target["expr"]
            for panel in all_panels(board.model)
            for target in panel.get("targets", ())
            if "expr" in target
        ]
        assert [
            expr for expr in exprs if " ".join(expr.split()) not in {" ".join(text.split()) for text in listed}
        ] == []


def test_a_change_is_drawn_before_and_after_with_its_panels_outlined(project: Path, page_of_all: Page) -> None:
    path = project / "catalogue.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("alerts: {}", "alerts: {OrderRejectionRateHigh: {threshold: 0.05}}"), encoding="utf-8")

    done = run("preview", "--against=HEAD", "--output=review", folder=project)

    assert done.returncode == 0, done.stderr
    assert "Execution: " in done.stdout
    assert "changed" in done.stdout
    assert (project / "review/execution.before.svg").exists()
    assert (project / "review/execution.after.svg").exists()
    page = page_of_all.context.new_page()
    page.goto((project / "review/index.html").as_uri())
    pictures = page.locator("section[id='execution'] .pair svg")
    assert pictures.count() == 2
    marks = [pictures.nth(index).locator("text", has_text="changed").count() for index in range(2)]
    assert marks[0] == marks[1] > 0
    assert pictures.nth(0).locator("text", has_text="limit 10%").count()
    assert pictures.nth(1).locator("text", has_text="limit 5%").count()


def test_a_panel_gained_and_a_panel_lost_are_named(project: Path) -> None:
    path = project / "provisioning/grafana/dashboards/tapewatch/execution.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    first = next(panel for panel in model["panels"] if panel["type"] != "row")
    first["title"] = "Something else"
    path.write_text(json.dumps(model), encoding="utf-8")
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "x"], cwd=project, check=True)

    done = run("preview", "--against=HEAD", "--output=review.html", folder=project)

    assert "Execution: 1 panel gained, 1 panel lost" in done.stdout


def test_nothing_is_drawn_where_nothing_changed(project: Path) -> None:
    done = run("preview", "--against=HEAD", "--output=review.html", folder=project)

    assert (done.returncode, done.stdout) == (0, "no dashboard differs from HEAD\n")
    assert not (project / "review.html").exists()


def test_a_dashboard_that_is_not_there_is_named_with_the_one_that_was_meant(project: Path) -> None:
    done = run("preview", "excecution", folder=project)

    assert done.returncode == 2
    assert "did you mean `execution`?" in done.stderr


def test_a_dead_prometheus_is_named_and_nothing_written(project: Path) -> None:
    done = run("preview", "--prometheus=http://127.0.0.1:1", "--output=review.html", folder=project)

    assert done.returncode == 2
    assert "Prometheus does not answer at http://127.0.0.1:1" in " ".join(done.stderr.split())
    assert not (project / "review.html").exists()


@pytest.mark.parametrize("command", ["preview", "panels"])
def test_a_time_range_that_is_none_is_refused(project: Path, command: str) -> None:
    urls = [] if command == "preview" else ["--prometheus=", "--loki=", "--jaeger="]

    done = run(command, "--since=soon", *urls, folder=project)

    assert done.returncode == 2
    assert "not a duration: 'soon'" in done.stderr
