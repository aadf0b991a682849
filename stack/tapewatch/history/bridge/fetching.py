"""One answer by HTTP, within its limits of time and size."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tapewatch.history.bridge.resolving import Resolver
from tapewatch.history.bridge.targets import Target
from tapewatch.verifying.scraping import ACCEPT, Scraper, SecretError

__all__ = ["Fetcher", "UnansweredError", "session"]

_REDIRECTS = 10
"""As many as Prometheus follows."""

_BUFFER = 256 * 1024
"""Bytes that are taken from a connection before it is told to wait; most answers fit into it."""

_KEPT = 90.0
"""Seconds that an idle connection is kept: longer than the longest pause after a failure."""

_GZIP = 31
"""How zlib is told to read gzip."""

_SAID = 100
"""Characters of an error page that are shown."""


class UnansweredError(Exception):
    """A target did not answer as a scrape needs it; the text says what happened, to follow its name."""


def session(packed: bool) -> aiohttp.ClientSession:
    """What all targets share: their connections, which are kept from scrape to scrape.

    Parameters:
        packed: ask for packed answers.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT, resolver=Resolver()),
        # Unpacked here, in pieces: an answer of a few kilobytes may become gigabytes.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip" if packed else "identity",
            "User-Agent": "tapewatch",
        },
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        read_bufsize=_BUFFER,
    )


class Fetcher:
    """Asks one target.

    Parameters:
        target: what is asked.
        largest: bytes of an answer, unpacked, above which it is given up.
        secrets: the folder that holds the files which the catalogue names for TLS and credentials; none: where it says.
    """

    def __init__(self, target: Target, largest: int, secrets: Path | None) -> None:
        self.target = target
        self._largest = largest
        self._secrets = secrets
        self._options: Mapping[str, Any] | None = None

    async def fetch(self, client: aiohttp.ClientSession) -> tuple[bytes, str]:
        """One answer and its Content-Type.

        Raises:
            UnansweredError: there is none, or it is not what it should be.
        """
        try:
            async with asyncio.timeout(self.target.timeout):
                return await self._fetch(client)
        except TimeoutError:
            reason = f"has not answered in full within {self.target.timeout:g} s"
        except SecretError as error:
            reason = f"cannot be asked: {error}"
        except aiohttp.TooManyRedirects:
            reason = f"sends on from one URL to another, {_REDIRECTS} times"
        except aiohttp.ClientConnectorCertificateError as error:
            reason = f"cannot be reached: {error.certificate_error}"
        except aiohttp.ClientConnectorError as error:
            reason = f"cannot be reached: {_words(error.os_error)}"
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            reason = f"breaks off its answer: {str(error) or type(error).__name__}"
        raise UnansweredError(reason)

    def start_anew(self) -> None:
        """Forgets what was read from files: after a failure there may be new credentials."""
        self._options = None

    async def _fetch(self, client: aiohttp.ClientSession) -> tuple[bytes, str]:
        if self._options is None:
            self._options = await asyncio.to_thread(self._request) if self.target.scrape else {}
        async with client.get(self.target.url, max_redirects=_REDIRECTS, **self._options) as response:
            if response.status != 200:
                said = " ".join((await response.content.read(_SAID)).decode(errors="replace").split())
                status = f"answers {response.status} {response.reason}"
                raise UnansweredError(status + (f": {said}" if said else ""))
            return await self._body(response), response.headers.get("Content-Type", "")

    def _request(self) -> Mapping[str, Any]:
        """What the catalogue says of TLS and credentials."""
        scrape, url = self.target.scrape, self.target.url
        assert scrape is not None
        scraper = Scraper(url, scrape, self._secrets)
        timeout = f"{self.target.timeout:g}"
        options: dict[str, Any] = {
            "headers": {**scraper.signed, "X-Prometheus-Scrape-Timeout-Seconds": timeout},
        }
        if url.startswith("https:"):
            options["ssl"] = scraper.context
            if scrape.tls and scrape.tls.server_name:
                options["server_hostname"] = scrape.tls.server_name
        return options

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("gzip", "identity", ""):
            raise UnansweredError(f"packs its answer as `{encoding[:_SAID]}`, which was not asked for")
        if response.content_length is not None and response.content_length > self._largest:
            raise self._too_large()
        unpacker = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        pieces: list[bytes] = []
        size = received = 0
        async for piece in response.content.iter_any():
            unpacked = unpacker.decompress(piece, self._largest + 1 - size) if unpacker else piece
            size, received = size + len(unpacked), received + len(piece)
            # What is packed may go on for ever and hold nothing.
            if max(size, received) > self._largest:
                raise self._too_large()
            if unpacker and unpacker.unused_data:
                raise UnansweredError("sends more than one packed answer, or something behind it")
            pieces.append(unpacked)
        if unpacker and not unpacker.eof:
            raise UnansweredError("breaks off its answer: what it packed has no end")
        return b"".join(pieces)

    def _too_large(self) -> UnansweredError:
        return UnansweredError(f"answers with more than {self._largest / 1024 / 1024:g} MB")


def _words(error: OSError) -> str:
    """What the system says; asyncio says it in words of its own, with the address, which stands beside it anyway."""
    # TLS and the resolver count in numbers of their own, which mean something else to the system.
    if error.errno and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
