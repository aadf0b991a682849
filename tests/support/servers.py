"""Starts the real server programs on free loopback ports, waits until they are ready and stops them again.

    with start_prometheus(config, tmp_path) as prometheus:
        answer = prometheus.get_json("/api/v1/targets")

Everything that a server writes lies in the folder that the test gave, in a folder of the server's own.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.started import note_started
from support.waiting import wait_for
from tapewatch.servers import cache_folder, find

__all__ = [
    "Server",
    "free_port",
    "start_alertmanager",
    "start_jaeger",
    "start_loki",
    "start_node_exporter",
    "start_prometheus",
]

Command = Sequence[str | Path]

READY_TIMEOUT = 60.0
"""Seconds until a server must be ready. Loki is the slowest: it says so 10 s after its start, however idle it is."""

STOP_TIMEOUT = 20.0
"""Seconds that a server has to end after SIGTERM, before it is killed."""

LOG_LINES = 30
"""How much of the log a failure shows."""


class Server:
    """A running server process.

    Parameters:
        name: what failures call it, such as `prometheus`.
        command: program and arguments.
        port: the loopback port on which it answers HTTP.
        ready: the path that answers 200 once it is ready.
        folder: an existing folder for its log and data; it runs in there.
        environment: variables to add to our own.
        sign_in: user name and password that it asks for.
        wrap: words before the command, of a program that becomes it, such as `setpriv`.
    """

    def __init__(
        self,
        name: str,
        command: Command,
        port: int,
        ready: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        sign_in: tuple[str, str] | None = None,
        wrap: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self._wrap = list(wrap)
        self._ready = ready
        self._sign_in = base64.b64encode(":".join(sign_in).encode()).decode() if sign_in else ""
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Starts the process (again) and returns when it is ready; a log of an earlier start is kept and added to."""
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> None:
        """Starts the process and does not wait: for those that are ready only once others are there."""
        note_started(self._program())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrap, *self.command],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        """Returns when it is ready; one that is not in time is stopped."""
        try:
            wait_for(f"{self.name} answers {self.url}{self._ready}", self._is_ready, READY_TIMEOUT, self.log_tail)
        except BaseException:
            self.stop()
            raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process, by its own id, and waits until it is gone; does nothing when it is gone already.

        Parameters:
            how: SIGTERM lets it finish its work, SIGKILL is the crash.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def is_running(self) -> bool:
        """Whether the process is there: neither stopped nor ended by itself."""
        return self._process is not None and self._process.poll() is None

    def get(self, path: str, timeout: float = 10.0) -> str:
        """The body of a GET request.

        Raises:
            OSError: no answer, or a status of 400 and above, with the body in the message.
        """
        return self._request(path, None, timeout)

    def get_json(self, path: str, timeout: float = 10.0) -> Any:
        """The body of a GET request, read as JSON."""
        return json.loads(self.get(path, timeout))

    def post(self, path: str, body: object = None, timeout: float = 10.0) -> str:
        """The body of the answer to a POST request, whose body is sent as JSON (`None`: an empty one)."""
        return self._request(path, b"" if body is None else json.dumps(body).encode(), timeout)

    def log(self) -> str:
        """All that it wrote, over all its starts."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log().splitlines()[-LOG_LINES:])

    def _program(self) -> str:
        """Name and version, where it is one that `make servers` made; a wrapper may stand before it."""
        made = (Path(word) for word in self.command if word.startswith(str(cache_folder())))
        return next((path.parent.name for path in made), self.name)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _is_ready(self) -> bool:
        # An AssertionError ends the wait at once: a process that is gone never becomes ready.
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"{self.name} ended with code {code} before it was ready\nlog:\n{self.log_tail()}"
        self.get(self._ready, timeout=2.0)
        return True

    def _request(self, path: str, body: bytes | None, timeout: float) -> str:
        request = urllib.request.Request(self.url + path, data=body)
        if body:
            request.add_header("Content-Type", "application/json")
        if self._sign_in:
            request.add_header("Authorization", f"Basic {self._sign_in}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return str(answer.read().decode("utf-8"))
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", errors="replace")[:500]
            raise OSError(f"{error.code} from {path}: {text}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


_FIRST, _LAST = 20_000, 32_000
_WORKER, _COUNT = "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"
_given: deque[int] = deque(maxlen=500)


def free_port(*further: int) -> int:
    """A loopback port that nobody listens on.

    It is taken from below 32768, where Linux begins to give out ports to outgoing connections, so that it is still
    free when the server binds it a moment later. No process of a run gives out
    a port of another one's, and none again soon.

    Parameters:
        further: distances from it to ports above it that are free as well.
    """
    count, worker = int(os.environ.get(_COUNT, 1)), int(os.environ.get(_WORKER, "gw0").removeprefix("gw"))
    share = (_LAST - _FIRST) // count
    distances = {0, *further}
    while True:
        port = _FIRST + worker * share + random.randrange(share - max(distances))
        ports = [port + each for each in distances]
        if all(each not in _given and _is_free(each) for each in ports):
            _given.extend(ports)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_prometheus(
    config: str | Path,
    folder: Path,
    *flags: str,
    version: str | None = None,
    port: int | None = None,
    data: Path | None = None,
    sign_in: tuple[str, str] | None = None,
) -> Server:
    """A real Prometheus with reload by POST switched on.

    Parameters:
        config: text of the configuration, or the path of its file (then relative paths in it start at that file).
        folder: where a folder `prometheus` is made for its data and log.
        flags: further command line flags.
        version: another version than the pinned one, such as `3.5`.
        port: the port to listen on; a free one by default.
        data: the folder of its data, if it is not to lie beside the log: a volume of its own.
        sign_in: user name and password that it asks for, when its `--web.config.file` says that it does.
    """
    home, port = _home(folder, "prometheus"), port or free_port()
    command: Command = [
        find("prometheus", version).path,
        f"--config.file={_config(config, home / 'prometheus.yml')}",
        f"--storage.tsdb.path={data or home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        *flags,
    ]
    return Server("prometheus", command, port, "/-/ready", home, sign_in=sign_in).start()


def start_alertmanager(
    config: str | Path,
    folder: Path,
    *flags: str,
    version: str | None = None,
    port: int | None = None,
    data: Path | None = None,
) -> Server:
    """A real Alertmanager without clustering; the parameters are those of `start_prometheus`."""
    home, port = _home(folder, "alertmanager"), port or free_port()
    command: Command = [
        find("alertmanager", version).path,
        f"--config.file={_config(config, home / 'alertmanager.yml')}",
        f"--storage.path={data or home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        *flags,
    ]
    return Server("alertmanager", command, port, "/-/ready", home).start()


def start_node_exporter(folder: Path, *flags: str, port: int | None = None) -> Server:
    """A real node_exporter, with the measurements of this machine at `/metrics`."""
    home, port = _home(folder, "node_exporter"), port or free_port()
    command: Command = [find("node_exporter").path, f"--web.listen-address=127.0.0.1:{port}", *flags]
    return Server("node_exporter", command, port, "/metrics", home).start()


def start_loki(
    config: str | Path,
    folder: Path,
    *flags: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """A real Loki, all parts in one process.

    Parameters:
        config: text or path of the configuration; its ports are overridden, its folders are not: those should be
            relative, then they lie in the server's own folder.
        folder: where a folder `loki` is made, in which it runs.
        flags: further command line flags.
        port: the HTTP port; a free one by default.
        environment: variables, such as of the file with a bucket's key.
    """
    home, port = _home(folder, "loki"), port or free_port()
    command: Command = [
        find("loki").path,
        f"-config.file={_config(config, home / 'loki.yml')}",
        "-server.http-listen-address=127.0.0.1",
        f"-server.http-listen-port={port}",
        "-server.grpc-listen-address=127.0.0.1",
        f"-server.grpc-listen-port={free_port()}",
        # Its parts find each other here, and not at the machine's own address, where nothing listens.
        "-frontend.instance-addr=127.0.0.1",
        *flags,
    ]
    return Server("loki", command, port, "/ready", home, environment).start()


def start_jaeger(
    config: str | Path, folder: Path, *flags: str, version: str | None = None, port: int | None = None
) -> Server:
    """A real Jaeger 2.

    Parameters:
        config: text or path of the configuration, with the extension `jaeger_query`, whose HTTP and gRPC addresses
            are overridden; other addresses in it (OTLP, health) are the test's to choose.
        folder: where a folder `jaeger` is made, in which it runs.
        flags: further command line flags.
        version: another version than the pinned one, such as `2.20`.
        port: the port of the query API; a free one by default.
    """
    home, port = _home(folder, "jaeger"), port or free_port()
    command: Command = [
        find("jaeger", version).path,
        f"--config={_config(config, home / 'jaeger.yml')}",
        f"--set=extensions.jaeger_query.http.endpoint=127.0.0.1:{port}",
        f"--set=extensions.jaeger_query.grpc.endpoint=127.0.0.1:{free_port()}",
        *flags,
    ]
    # Jaeger traces itself too, to port 4317; where nobody listens there, its end waits 10 s for those spans.
    quiet = {"OTEL_TRACES_SAMPLER": "always_off"}
    return Server("jaeger", command, port, "/api/v3/services", home, quiet).start()


def _home(folder: Path, name: str) -> Path:
    """A folder for this server; a second one of the same name in one test gets a number."""
    number = 1
    while True:
        home = folder / (name if number == 1 else f"{name}-{number}")
        try:
            home.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return home


def _config(config: str | Path, path: Path) -> Path:
    """The path of the configuration file; text is written to `path` first."""
    if isinstance(config, Path):
        return config.absolute()
    path.write_text(config, encoding="utf-8")
    return path
