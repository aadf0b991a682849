"""Programs around the generated Rust module: compiled, every warning an error, and run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from sdk.typed.workout import generated, rust_updates
from support.parts import rustc
from support.samples import load_sample
from tapewatch.catalogue import Catalogue

__all__ = ["ask", "build", "compiled", "exposed", "running", "sample_program"]

MAIN = """\
mod metrics;

use std::io::Read;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wants = |domain: &str| words.is_empty() || words.iter().any(|word| word == domain);
    let registry = metrics::Registry::new();
    let server = registry.serve("127.0.0.1:0")?;
    if wants("not ready") && !words.is_empty() {
        server.set_ready(false);
        server.set_healthy(false);
    }
    UPDATES
    println!("{}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
"""
"""Emits the domains that it is told to, or all, and serves them until its input ends."""

LIVING = """
    if wants("living") && !words.is_empty() {
        let host = metrics::Host::new(&registry);
        std::thread::spawn(move || loop {
            std::thread::sleep(std::time::Duration::from_millis(20));
            host.system_uptime_seconds.add(0.02);
        });
    }
"""


def compiled(folder: Path, statements: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """What rustc says of a program with these statements beside the module in a folder; it is called `program`."""
    (folder / "main.rs").write_text(MAIN.replace("UPDATES", statements), encoding="utf-8")
    command = [str(rustc()), "--edition=2021", "-Dwarnings", *(flags or ("-o", str(folder / "program"))), "main.rs"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def build(folder: Path, catalogue: Catalogue, statements: str) -> Path:
    """A program with these statements, and the folder that it and both modules stand in."""
    made = generated(catalogue, folder)
    done = compiled(made, statements)
    assert done.returncode == 0, done.stderr
    return made


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[HTTPConnection]:
    """A connection to the program, while it runs."""
    process = subprocess.Popen(
        [str(folder / "program"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        connection = HTTPConnection(process.stdout.readline().strip(), timeout=30)
        yield connection
        connection.close()
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == 0


def ask(connection: HTTPConnection, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    """Status and body of an answer."""
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def exposed(folder: Path, *domains: str) -> str:
    """What the program exposes."""
    with running(folder, *domains) as program:
        return ask(program)[1]


def sample_program(folder: Path) -> Path:
    """A program that touches every family of the sample; with the word `living` its uptime goes on."""
    catalogue = load_sample()
    return build(folder, catalogue, rust_updates(catalogue) + LIVING)
