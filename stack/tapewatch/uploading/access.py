"""How to get in: the address of a Grafana, and a token or a password that never stands on the command line."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["TOKEN", "Access", "access"]

TOKEN = "GRAFANA_TOKEN"  # noqa: S105 -- a variable's name
"""The environment variable that is read where no file is given."""


@dataclass(frozen=True, slots=True)
class Access:
    """The way into a Grafana.

    Parameters:
        url: where it answers, without a slash at the end.
        authorization: value of the header; never shown.
    """

    url: str
    authorization: str = field(repr=False)


def access(
    url: str,
    environ: Mapping[str, str],
    *,
    token_file: Path | None = None,
    user: str = "admin",
    password_file: Path | None = None,
    plain: bool = False,
) -> Access:
    """The way in, from what the user gave.

    Parameters:
        url: `http://` or `https://`, with a path where Grafana is below one.
        environ: where the token is looked for when there is no file.
        token_file: holds a token of a service account.
        user, password_file: in place of a token.
        plain: whether a secret may be sent without TLS to another machine.

    Raises:
        ProblemsError: the URL is none, there is no secret, or it would be sent in the clear.
    """
    address = _checked(url, plain)
    if token_file:
        return Access(address, f"Bearer {_secret(token_file)}")
    if password_file:
        signed = base64.b64encode(f"{user}:{_secret(password_file)}".encode()).decode()
        return Access(address, f"Basic {signed}")
    if token := environ.get(TOKEN, "").strip():
        return Access(address, f"Bearer {_whole(token, TOKEN)}")
    raise ProblemsError([_no_secret()])


def _checked(url: str, plain: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ProblemsError([_bad_url(parts.hostname or url)])
    if parts.scheme == "http" and not plain and not _is_here(parts.hostname):
        raise ProblemsError([_in_the_clear(url)])
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemsError([_unreadable(str(file), str(error))]) from error
    return _whole(text, str(file))


def _whole(secret: str, where: str) -> str:
    """A secret of one line: a line break in it would end the header."""
    if not secret or not secret.isprintable():
        raise ProblemsError([_unreadable(where, "it is empty" if not secret else "it has more than one line")])
    return secret


def _bad_url(shown: str) -> Problem:
    return Problem(
        code="upload/bad-url",
        summary=f"`--url` is no address of a Grafana: {shown}",
        must="http:// or https://, a host, perhaps a port and a path; no user, password or query",
        fix="write it as https://grafana.example.com",
    )


def _in_the_clear(url: str) -> Problem:
    return Problem(
        code="upload/no-tls",
        summary=f"the token or password would be sent to {url} for all on the way to read",
        must="a Grafana on another machine is reached over https",
        fix="write https://, or add --plain-http where the network between is your own",
        where=Place(path=url),
    )


def _no_secret() -> Problem:
    return Problem(
        code="upload/no-secret",
        summary="there is neither a token nor a password for Grafana",
        must="a token of a service account that may write dashboards and folders (role Editor; Admin to share)",
        fix=f"set {TOKEN}, or give --token-file, or --user and --password-file",
    )


def _unreadable(where: str, why: str) -> Problem:
    return Problem(
        code="upload/bad-secret",
        summary=f"{where} holds no token or password: {why}",
        must="one line, which is the token or the password",
        fix="write it there, readable for you alone",
        where=Place(path=where),
    )
