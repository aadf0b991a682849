"""A container registry on a free loopback port, from which the real docker engine pulls."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Registry", "serve_registry"]

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """What the registry holds, and what it was asked.

    Engines take 127.0.0.0/8 for trustworthy without TLS, so that plain HTTP does.
    """

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[str, str] = {}
        self._asked: list[str] = []
        self._broken = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port, which begin the names of its images."""
        return f"127.0.0.1:{self._server.server_port}"

    def add(self, name: str, tag: str) -> None:
        """Takes in an image with one small file and no labels."""
        layer = _tar()
        diff = f"sha256:{hashlib.sha256(layer).hexdigest()}"
        document = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff]},
        }
        config = json.dumps(document).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._keep(CONFIG, config),
            "layers": [self._keep(LAYER, gzip.compress(layer, mtime=0))],
        }
        digest = self._keep(MANIFEST, json.dumps(manifest).encode())["digest"]
        self._manifests[f"/v2/{name}/manifests/{tag}"] = str(digest)

    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return list(self._asked)

    def forget(self) -> None:
        """Forgets what it was asked."""
        self._asked.clear()

    def break_down(self) -> None:
        """From now on every answer is an error of the server."""
        self._broken = True

    def stop(self) -> None:
        """From now on nothing listens at the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path; it is noted."""
        self._asked.append(path)
        if self._broken:
            return 503, "text/plain", b"out of order\n"
        if path == "/v2/":
            return 200, "application/json", b"{}"
        digest = self._manifests.get(path, path.rpartition("/")[2])
        if digest in self._blobs:
            return 200, MANIFEST if "/manifests/" in path else "application/octet-stream", self._blobs[digest]
        error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        return 404, "application/json", json.dumps(error).encode()

    def _keep(self, media: str, blob: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        self._blobs[digest] = blob
        return {"mediaType": media, "digest": digest, "size": len(blob)}


@contextmanager
def serve_registry() -> Iterator[Registry]:
    """A registry that is empty, until the block ends."""
    registry = Registry()
    try:
        yield registry
    finally:
        registry.stop()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("hello")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    return buffer.getvalue()


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, media, body = registry.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            if "/manifests/" in self.path and status == 200:
                self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    return Handler
