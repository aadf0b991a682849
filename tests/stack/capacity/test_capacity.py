"""From a size to what it needs: what must hold whatever the constants are, and what the page shows of them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from docs.pages import DOCS
from tapewatch.capacity import Constants, Load, Server, measured, needs, read_prices
from tapewatch.capacity.constants import Origin
from tapewatch.capacity.prices import EXAMPLE
from tapewatch.cli import cli
from tapewatch_sdk.errors import ProblemsError

PAGE = DOCS / "production/capacity.md"

DAY = 86400.0

ROUND = Constants(
    measured=Origin(date="2026-01-01", machine="a machine", prometheus="3", command="c", largest_error_percent=5),
    memory_base_bytes=1e8,
    memory_series_bytes=1000,
    cpu_base_cores=0.1,
    cpu_sample_seconds=1e-6,
    disk_sample_bytes=2,
    disk_series_bytes=0,
    log_sample_bytes=1,
    scrape_sample_bytes=3,
    remote_sample_bytes=4,
)
"""Constants with which a size can be reckoned by hand."""


def planned(*words: str) -> str:
    done = CliRunner().invoke(cli, ["plan", "capacity", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_size_is_what_one_reckons_by_hand() -> None:
    load = Load(services=1000, series=1000, interval=10, retention=10 * DAY, long_term=100 * DAY, replicas=2)

    found = needs(load, ROUND)

    assert (found.shards, found.servers) == (1, 2)
    assert found.memory == 2 * (1e8 + 1e6 * 1000)
    assert found.cores == 2 * (0.1 + 1e5 * 1e-6)
    assert found.disk == 1.25 * (1e5 * 10 * DAY * 2 + 1e5 * 3 * 3600 * 1)
    assert found.objects == 1e5 * 100 * DAY * 2
    assert (found.scraped, found.sent) == (2 * 1e5 * 3, 2 * 1e5 * 4)


@pytest.mark.parametrize(
    ("server", "shards"),
    [(Server(4.2e9, 16), 1), (Server(2.2e9, 16), 1), (Server(2.19e9, 16), 2), (Server(64e9, 0.4), 1),
     (Server(64e9, 0.39), 2), (Server(64e9, 0.2201), 10)],
)  # fmt: skip
def test_what_one_server_cannot_hold_is_spread_over_shards(server: Server, shards: int) -> None:
    load = Load(services=1000, series=1000, interval=10, retention=DAY)

    found = needs(load, ROUND, server)

    assert found.shards == shards
    assert found.memory <= server.memory * (1 + 1e-9)
    assert found.cores <= server.cores * (1 + 1e-9)


def test_a_server_that_has_no_room_for_prometheus_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        needs(Load(1, 1, 1, DAY), ROUND, Server(1e8, 1))


def test_the_measured_constants_say_where_they_come_from_and_are_within_20_percent() -> None:
    origin = measured().measured

    assert re.fullmatch(r"\d{4}-\d\d-\d\d", origin.date)
    assert origin.command == "python benchmarks/capacity.py --write"
    assert 0 < origin.largest_error_percent <= 20


def test_the_text_fits_80_columns_and_the_json_says_the_same() -> None:
    words = ("--services", "1000000", "--series", "500")
    text, data = planned(*words), json.loads(planned(*words, "--json"))

    assert all(len(line) <= 80 for line in text.splitlines())
    assert f"{data['needs']['servers']:,} ({data['needs']['shards']:,} shards x 2)" in text
    assert f"{round(data['month']['all']):,}" in text.splitlines()[-6]
    assert data["month"]["all"] == pytest.approx(
        sum(v for k, v in data["month"].items() if k not in ("all", "currency"))
    )


def test_without_an_object_store_nothing_is_stored_or_sent_there() -> None:
    data = json.loads(planned("--services", "10", "--series", "10", "--long-term", "0", "--json"))

    assert (data["needs"]["objects"], data["needs"]["sent"]) == (0, 0)


def test_prices_are_the_users_and_those_of_the_example_say_that_they_are_one(tmp_path: Path) -> None:
    prices = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert "example" in prices["source"]
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump({**prices, "source": "our contract", "disk_gb_month": 1e6}))

    text = planned("--services", "100", "--series", "500", "--prices", str(tmp_path / "ours.yaml"))

    assert "prices: our contract" in text
    assert text != planned("--services", "100", "--series", "500")


@pytest.mark.parametrize(
    ("content", "said"),
    [("currency: EUR\n", "source: Field required"), ("a: [", "while parsing"), (None, "No such file")],
)
def test_a_bad_file_of_prices_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "prices.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    with pytest.raises(ProblemsError, match=said) as caught:
        read_prices(file)

    assert caught.value.problems[0].code == "capacity/prices"


def test_the_page_shows_the_plans_as_they_are_made() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text.count("<!-- capacity: ") == 3
    assert with_plans(text) == text, (
        "write them anew with `PYTHONPATH=tests python tests/stack/capacity/test_capacity.py`"
    )


def with_plans(text: str) -> str:
    """The page with each plan below the mark that names its options."""
    return re.sub(
        r"<!-- capacity: (?P<words>[^>]*) -->\n(?:\n```text\n.*?```\n)?",
        lambda found: f"{found[0].splitlines()[0]}\n\n```text\n{planned(*shlex.split(found['words']))}```\n",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(with_plans(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
