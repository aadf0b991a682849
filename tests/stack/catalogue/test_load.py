"""What a catalogue gives, and every way in which one can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from support.samples import ROOT, SAMPLE, edited, load_sample, problems_in
from tapewatch.catalogue import load, load_text
from tapewatch.catalogue.schema import schema_text
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.families import MetricType


def test_the_sample_has_the_platforms_services_and_all_92_families() -> None:
    catalogue = load(ROOT / "catalogue.yaml").catalogue

    assert len(catalogue.families) == 92
    assert list(catalogue.services) == [
        "market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker", "live-trading",
        "capture-pipeline", "api",
    ]  # fmt: skip
    assert catalogue.families["risk_check_duration_microseconds"].type is MetricType.HISTOGRAM


def test_a_service_inherits_what_it_does_not_say_and_keeps_what_it_does() -> None:
    catalogue = load_sample(
        ("  scrape: {interval: 5s, timeout: 4s}", "  scrape: {interval: 10s, timeout: 4s}"),
        ("    team: data\n    tier: 1\n", "    team: data\n    tier: 1\n    scrape: {path: /m}\n"),
    )

    assert catalogue.services["market-data"].scrape.interval == "10s"
    assert catalogue.services["market-data"].scrape.path == "/m"
    assert catalogue.services["signal-bridge"].scrape.path == "/metrics"
    assert catalogue.services["api"].team == "platform"


def test_variables_take_their_default_unless_the_environment_is_asked_for() -> None:
    assert load_text(SAMPLE).catalogue.environment == "local"
    assert load_text(SAMPLE, environ={"ENVIRONMENT": "production"}).catalogue.environment == "production"


def test_a_catalogue_cannot_be_changed() -> None:
    catalogue = load_sample()

    with pytest.raises(Exception, match="frozen"):
        catalogue.environment = "production"  # type: ignore[misc]


WRONG = [
    ("an unknown key", ("    team: data\n", "    taem: data\n"), "catalogue/unknown-key", "did you mean `team`"),
    ("a key of no likeness", ("    team: data\n", "    zzz: 1\n    team: data\n"), "catalogue/unknown-key", "zzz"),
    ("a missing key", ("schema: tapewatch/v1\n", ""), "catalogue/missing-key", "`schema`"),
    ("another schema", ("tapewatch/v1", "tapewatch/v9"), "catalogue/bad-value", "tapewatch/v1"),
    (
        "a bad duration",
        ("interval: 5s, timeout", "interval: 5 seconds, timeout"),
        "catalogue/bad-duration",
        "5 seconds",
    ),
    ("a number as duration", ("push: {interval: 15s}", "push: {interval: 15}"), "catalogue/bad-value", "text"),
    ("no port", ("market-data:9091}", "market-data}"), "catalogue/bad-address", "host:port"),
    ("a port beyond the last", ("market-data:9091}", "market-data:99091}"), "catalogue/bad-address", "99091"),
    ("an unknown domain", ("[market_data, host]", "[markt_data, host]"), "catalogue/unknown-domain", "`market_data`"),
    ("an unknown dependency", ("[signal-bridge]", "[signal-bride]"), "catalogue/unknown-service", "`signal-bridge`"),
    (
        "a cycle",
        ("    emits: [market_data, host]\n", "    emits: [market_data, host]\n    depends_on: [position-tracker]\n"),
        "catalogue/dependency-cycle",
        "market-data -> position-tracker",
    ),
    ("one address for two", ("signal-bridge:9094}", "market-data:9091}"), "catalogue/same-address", "of `market-data`"),
    (
        "no address at all",
        ("    address: ${API_ADDRESS:-api:8000}\n", ""),
        "catalogue/no-address",
        "`api` has no address",
    ),
    (
        "a pushing one with an address",
        ("    mode: push\n", "    mode: push\n    address: capture:1\n"),
        "catalogue/pushed-address",
        "pushes, yet has an address",
    ),
    ("a clash with the stack", ("api:8000}", "localhost:9090}"), "catalogue/port-clash", "stack.ports.prometheus"),
    (
        "two ports of the stack alike",
        ("  retention: {", "  ports: {loki: 9090}\n  retention: {"),
        "catalogue/port-clash",
        "9090",
    ),
    ("a name that belongs to drills", ("  api:\n", "  drill-api:\n"), "catalogue/reserved-name", "drill-api"),
    ("an upper-case name", ("  api:\n", "  API:\n"), "catalogue/bad-value", "API"),
    (
        "an inline Slack URL",
        (
            'desk-chat: {webhook: [{url: "http://api:8000/api/alerts/webhook"}]}',
            "desk-chat: {slack: [{channel: '#desk', api_url: 'https://hooks.slack.com/services/T/B/x'}]}",
        ),
        "catalogue/inline-secret",
        "api_url_file",
    ),
    (
        "a password in a URL",
        ("http://api:8000/api/alerts/webhook", "http://me:secret@api:8000/"),
        "catalogue/inline-secret",
        "by file",
    ),
    (
        "an unknown receiver",
        ("{receiver: desk-chat}", "{receiver: desk-chet}"),
        "catalogue/unknown-receiver",
        "`desk-chat`",
    ),
    (
        "a receiver that tells nobody",
        ('team-mail: {webhook: [{url: "http://api:8000/api/alerts/webhook"}]}', "team-mail: {}"),
        "catalogue/empty-receiver",
        "tells nobody",
    ),
    ("a team without services", ("    data: {critical", "    datas: {critical"), "catalogue/unknown-team", "`data`"),
    (
        "an unknown time interval",
        ("{receiver: desk-chat}", "{receiver: desk-chat, mute: [nights]}"),
        "catalogue/unknown-interval",
        "nights",
    ),
    (
        "a counter without its ending",
        ("market_data_ticks_received_total:", "market_data_ticks_received:"),
        "catalogue/counter-name",
        "_total",
    ),
    ("falling buckets", ("[0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50]", "[1, 0.25]"), "catalogue/buckets", "do not rise"),
    (
        "a gauge with buckets",
        (
            "type: gauge, labels: [symbol], unit: usd, help: Last price",
            "type: gauge, buckets: [1, 2], help: Last price",
        ),
        "catalogue/buckets",
        "no histogram",
    ),
    (
        "a histogram without buckets",
        (", buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50]", ""),
        "catalogue/buckets",
        "fewer than two",
    ),
    (
        "a reserved label",
        ("labels: [endpoint, status]", "labels: [endpoint, service]"),
        "catalogue/reserved-label",
        "`service`",
    ),
    ("a timeout beyond the interval", ("timeout: 4s", "timeout: 9s"), "catalogue/scrape-timeout", "at most"),
    (
        "rules evaluated too seldom",
        ("evaluation_interval: 5s", "evaluation_interval: 5m"),
        "catalogue/evaluation-interval",
        "1m",
    ),
    ("logs kept for an hour", ("logs: 168h", "logs: 1h"), "catalogue/retention", "24h"),
    ("a bind address that is none", ("${BIND_ADDRESS:-127.0.0.1}", "everywhere"), "catalogue/bad-bind", "everywhere"),
    (
        "a program without version",
        ("    alloy: {image: grafana/alloy, version: v1.18.1}\n", ""),
        "catalogue/missing-image",
        "alloy",
    ),
    (
        "a variable without default",
        ("${ENVIRONMENT:-local}", "${ENVIRONMENT}"),
        "document/unset-variable",
        "ENVIRONMENT",
    ),
]


@pytest.mark.parametrize(("change", "code", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_named_with_its_place_and_its_mending(change: tuple[str, str], code: str, says: str) -> None:
    problems = problems_in(edited(change))

    found = [problem for problem in problems if problem.code.startswith(code)]
    assert found, [problem.code for problem in problems]
    problem = found[0]
    assert says in f"{problem.summary} {problem.must} {problem.fix}"
    assert problem.where.file == "catalogue.yaml"
    assert problem.where.line > 0
    assert problem.where.excerpt in edited(change).splitlines()
    assert problem.must
    assert problem.fix


def test_everything_wrong_is_told_at_once() -> None:
    text = edited(
        ("    team: data\n", "    taem: data\n"),
        ("  push: {interval: 15s}", "  push: {interval: soon}"),
        ("market-data:9091}", "market-data}"),
    )

    codes = {problem.code for problem in problems_in(text)}
    assert {"catalogue/unknown-key", "catalogue/bad-duration", "catalogue/bad-address"} <= codes


def test_a_wrong_default_is_told_once_and_not_for_every_service_that_inherits_it() -> None:
    problems = problems_in(edited(("  push: {interval: 15s}", "  push: {interval: soon}")))

    assert len(problems) == 1, [problem.summary for problem in problems]


def test_a_service_that_stands_twice_is_named_with_both_lines() -> None:
    problems = problems_in(edited(("  api:\n", "  market-data:\n    address: a:1\n  api:\n")))

    assert any("market-data" in problem.summary for problem in problems)


def test_a_chain_of_ten_thousand_dependencies_is_no_trouble() -> None:
    data = yaml.safe_load(SAMPLE)
    data["services"] = {
        f"s{number}": {"address": f"h{number}:1000", "depends_on": [f"s{number + 1}"] if number < 9999 else []}
        for number in range(10_000)
    }
    data["routing"]["teams"] = {}

    assert not problems_in(yaml.safe_dump(data))


@pytest.mark.parametrize(
    "content",
    [b"", b"# nothing\n", b"- a\n- b\n", b"a: [1, 2\n", b"schema: \xff\xfe\n", b"a: 1\na: 2\n", b"\x00"],
    ids=["empty", "only a comment", "a list", "unclosed", "not UTF-8", "duplicate key", "NUL"],
)
def test_a_file_that_is_no_catalogue_is_a_problem_and_no_traceback(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_bytes(content)

    with pytest.raises(ProblemsError) as caught:
        load(path)
    assert caught.value.problems


def test_the_schema_for_editors_accepts_the_sample_and_refuses_a_misspelt_key() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    assert not list(validator.iter_errors(yaml.safe_load(SAMPLE)))
    assert list(validator.iter_errors(yaml.safe_load(edited(("    team: data\n", "    taem: data\n")))))


def test_every_field_of_the_schema_that_is_not_plain_from_its_name_is_described() -> None:
    schema = json.loads(schema_text())

    assert "OrderRejectionRateHigh" in schema["$defs"]["Service"]["properties"]["alerts"]["description"]
