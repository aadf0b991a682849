"""The generated Rust module, compiled: every warning is an error here."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sdk.typed.odd import odd
from sdk.typed.rust import build, compiled, exposed, running, sample_program
from sdk.typed.workout import generated, loaded, rust_updates, update
from support.cli import run
from support.parts import rustc
from support.rendering import varied_text
from support.samples import SAMPLE, load_sample
from tapewatch.catalogue import Catalogue, load
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import MetricsRegistry, generate_text
from tapewatch_sdk.instruments._numbers import go_float

pytestmark = pytest.mark.needs("rust")

THREADS, TIMES = 8, 20_000

HAMMER = f"""
    let market = metrics::MarketData::new(&registry);
    let threads: Vec<_> = (0..{THREADS}).map(|_| {{
        let registry = registry.clone();
        std::thread::spawn(move || {{
            let own = metrics::MarketData::new(&registry);
            for number in 0..{TIMES} {{
                let symbol = if number % 2 == 0 {{ "even" }} else {{ "odd" }};
                own.market_data_ticks_received_total.labels(symbol).inc();
                own.market_data_volume_total.labels("x").inc_by(0.5);
                own.market_data_message_queue_size.inc();
                own.market_data_orderbook_depth.labels("x").sub(0.25);
                own.market_data_processing_latency_ms.labels("x").observe(0.5);
            }}
        }})
    }}).collect();
    while threads.iter().any(|thread| !thread.is_finished()) {{
        registry.encode();
    }}
    drop(market);
"""

DROP = """
    let market = metrics::MarketData::with_budget(&registry, 2);
    for number in 0..5 {
        market.market_data_price.labels(&number.to_string()).set(1.0);
    }
    assert_eq!(market.market_data_price.labels("one too many").get(), 0.0);
    let ticks = market.market_data_ticks_received_total.labels("x");
    for amount in [1.0, -1.0, f64::NAN, f64::NEG_INFINITY, 0.5] {
        ticks.inc_by(amount);
    }
    market.market_data_volume_total.labels("gone").inc();
    market.market_data_volume_total.labels("kept").inc();
    market.market_data_volume_total.remove("gone");
    market.market_data_volume_total.remove("never used");
    market.market_data_volume_total.labels("new").inc();
    let latency = market.market_data_processing_latency_ms.labels("x");
    latency.observe(f64::NAN);
    latency.observe(f64::INFINITY);
    assert_eq!(latency.count(), 1);
    assert!(latency.sum().is_nan());
"""

NUMBERS = """
    let host = metrics::Host::new(&registry);
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    for bits in text.lines() {
        host.system_uptime_seconds.set(f64::from_bits(bits.parse().unwrap()));
        let all = registry.encode();
        let line = all.lines().find(|line| line.starts_with("system_uptime_seconds ")).unwrap();
        println!("{}", line.rsplit(' ').next().unwrap());
    }
"""

WRONG = [
    ("market.market_data_prize.labels(\"x\").set(1.0);", "E0609", "no field `market_data_prize`"),
    ("market.market_data_price.labels().set(1.0);", "E0061", "takes 1 argument but 0"),
    ("market.market_data_price.labels(\"x\", \"buy\").set(1.0);", "E0061", "takes 1 argument but 2"),
    ("market.market_data_price.labels(7).set(1.0);", "E0308", "expected `&str`, found integer"),
    ("market.market_data_price.set(1.0);", "E0599", "no method named `set`"),
    ("market.market_data_price.labels(\"x\").observe(1.0);", "E0599", "no method named `observe`"),
    ("market.market_data_ticks_received_total.labels(\"x\").inc_by(\"1\");", "E0308", "expected `f64`"),
    ("market.market_data_websocket_connected.labels(\"x\");", "E0599", "no method named `labels`"),
    ("registry.counter(\"another\");", "E0599", "no method named `counter`"),
]  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_program(tmp_path_factory.mktemp("sample"))


def python_exposes(folder: Path, catalogue: Catalogue) -> str:
    registry = MetricsRegistry(strict=True)
    update(loaded(folder), registry, catalogue)
    return generate_text(registry).decode()


def test_it_exposes_the_same_bytes_as_the_python_module(sample: Path) -> None:
    assert exposed(sample) == python_exposes(sample, load_sample())


def test_odd_names_and_texts_are_exposed_as_python_does(tmp_path: Path) -> None:
    folder = build(tmp_path, odd(), rust_updates(odd()))

    assert exposed(folder) == python_exposes(folder, odd())
    assert set(odd().families) <= {
        line.split()[2] for line in exposed(folder).splitlines() if line.startswith("# TYPE")
    }


def test_prometheus_client_reads_what_was_done(sample: Path) -> None:
    catalogue = load_sample()
    found = {each.name: each for each in text_string_to_metric_families(exposed(sample))}

    for name, family in catalogue.families.items():
        metric = found[name.removesuffix("_total") if family.type is MetricType.COUNTER else name]
        assert (metric.type, metric.documentation) == (family.type, family.help)
        for sample_ in metric.samples:
            assert sample_.labels.keys() - {"le"} == set(family.labels)
            if sample_.name == f"{family.name}_count":
                assert sample_.value == 4 + len(family.buckets)
            elif sample_.name == name:
                assert sample_.value == (10000003.5 if family.type is MetricType.COUNTER else 0.00001)


def everything(data: dict[str, Any]) -> None:
    """One service that emits all domains."""
    data["services"] = {"everything": {"address": "everything:9000", "emits": list(data["domains"])}}
    data["stack"]["simulate"] = False
    data["routing"]["teams"] = {}


@pytest.mark.parametrize(
    ("service", "text"),
    [("market-data", SAMPLE), ("risk-manager", SAMPLE), ("everything", varied_text(everything))],
)
def test_tapewatch_verify_finds_it_as_declared(service: str, text: str, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")
    emits = load(tmp_path / "catalogue.yaml").catalogue.services[service].emits
    with running(sample, *emits, "living") as program:
        url = f"http://{program.host}:{program.port}/metrics"
        done = run("verify", service, "--url", url, "--again", "1", folder=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every service is as the catalogue says" in done.stdout


def test_threads_that_hammer_it_lose_nothing(tmp_path: Path) -> None:
    lines = exposed(build(tmp_path, load_sample(), HAMMER)).splitlines()
    total = THREADS * TIMES

    assert f'market_data_ticks_received_total{{symbol="even"}} {float(total / 2)}' in lines
    assert f'market_data_ticks_received_total{{symbol="odd"}} {float(total / 2)}' in lines
    assert f'market_data_volume_total{{symbol="x"}} {total / 2}' in lines
    assert f"market_data_message_queue_size {float(total)}" in lines
    assert f'market_data_orderbook_depth{{symbol="x"}} {-total / 4}' in lines
    assert 'market_data_processing_latency_ms_bucket{le="0.2",symbol="x"} 0.0' in lines
    assert f'market_data_processing_latency_ms_bucket{{le="0.5",symbol="x"}} {float(total)}' in lines
    assert f'market_data_processing_latency_ms_count{{symbol="x"}} {float(total)}' in lines
    assert f'market_data_processing_latency_ms_sum{{symbol="x"}} {total / 2}' in lines


def test_what_cannot_be_kept_is_dropped_and_counted(tmp_path: Path) -> None:
    lines = exposed(build(tmp_path, load_sample(), DROP)).splitlines()

    prices = [line for line in lines if line.startswith("market_data_price{")]
    assert prices == ['market_data_price{symbol="0"} 1.0', 'market_data_price{symbol="1"} 1.0']
    assert 'market_data_ticks_received_total{symbol="x"} 1.5' in lines
    assert [line for line in lines if line.startswith("market_data_volume_total{")] == [
        'market_data_volume_total{symbol="kept"} 1.0',
        'market_data_volume_total{symbol="new"} 1.0',
    ]
    assert 'market_data_processing_latency_ms_bucket{le="50.0",symbol="x"} 0.0' in lines
    assert 'market_data_processing_latency_ms_sum{symbol="x"} NaN' in lines
    assert lines[-4:] == [
        "# HELP tapewatch_sdk_dropped_updates_total Updates that were not kept.",
        "# TYPE tapewatch_sdk_dropped_updates_total counter",
        'tapewatch_sdk_dropped_updates_total{family="market_data_ticks_received_total",reason="value"} 3.0',
        'tapewatch_sdk_dropped_updates_total{family="market_data_price",reason="series_budget"} 3.0',
    ]


def test_numbers_are_written_as_python_writes_them(tmp_path: Path) -> None:
    chance = random.Random(7)
    powers = [sign * 10.0**power * digit for power in range(-8, 20) for sign in (1, -1) for digit in (1, 1.5, 9.999)]
    edges = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 999999.5, 1e6, 1e16]
    values = [*powers, *edges, *(chance.uniform(-1e7, 1e7) for _ in range(3000)), *map(float, range(-50, 2000))]
    values += [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(5000)]
    bits = [struct.unpack("<Q", struct.pack("<d", value))[0] for value in values]
    folder = build(tmp_path, load_sample(), NUMBERS)

    done = subprocess.run(
        [folder / "program"], input="\n".join(map(str, bits)), capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split()[:-1] == [go_float(value) for value in values]


def test_what_is_not_declared_does_not_compile(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    statements = "\n".join(f"/* {number} */ {wrong}" for number, (wrong, _, _) in enumerate(WRONG))
    done = compiled(folder, f"let market = metrics::MarketData::new(&registry);\n{statements}", "--emit=metadata")

    assert done.returncode != 0
    errors = [text for text in done.stderr.split("\n\n") if re.search(r"^error\[", text)]
    for number, (_, code, words) in enumerate(WRONG):
        (error,) = [text for text in errors if f"/* {number} */" in text]
        assert f"error[{code}]" in error
        assert words in error


def test_a_right_use_of_a_few_families_compiles_without_a_warning(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    done = compiled(folder, "metrics::Host::new(&registry).system_uptime_seconds.set(1.0);", "--emit=metadata")

    assert (done.returncode, done.stderr) == (0, "")


def test_rustfmt_leaves_it_as_it_is(tmp_path: Path) -> None:
    rustfmt = shutil.which("rustfmt", path=f"{Path(str(rustc())).parent}{os.pathsep}{os.environ['PATH']}")
    if rustfmt is None:
        pytest.skip("there is no rustfmt beside rustc")
    for catalogue in (load_sample(), odd()):
        file = generated(catalogue, tmp_path) / "metrics.rs"
        done = subprocess.run(
            [rustfmt, "--check", "--edition=2021", file], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "")
