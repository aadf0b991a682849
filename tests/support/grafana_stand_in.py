"""A stand-in for Grafana's HTTP API, since no package registry has the real program.

It answers as 9.4 does, as far as an upload of dashboards needs it: the statuses, the words and the keys are those of
its source. Every test that uses it also runs against a real Grafana where there is one (`support.grafana`), so what it
gets wrong is found there.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

__all__ = ["PASSWORD", "StandIn"]

PASSWORD = "admin-of-a-test"
"""Of the user admin, here and in the real one."""

Answer = tuple[int, Any]
Route = tuple[str, str, str, Callable[..., Answer]]
"""Method, pattern of the path, the least role, what it does."""
_FORBIDDEN: Answer = (403, {"message": "You'll need additional permissions to perform this action."})
_RANKS = {"Viewer": 0, "Editor": 1, "Admin": 2}


@dataclass
class _Stored:
    """A dashboard: its versions, oldest first, each with the message of its save."""

    id: int
    folder: str
    versions: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    @property
    def model(self) -> dict[str, Any]:
        return self.versions[-1][0]


class StandIn:
    """Listens on a free loopback port as long as its `with` block lasts.

    Parameters:
        public: whether dashboards can be shared publicly.

    Attributes:
        url: where it answers.
        requests: method and path of each request, in the order of arrival.
    """

    def __init__(self, *, public: bool = True) -> None:
        self.requests: list[tuple[str, str]] = []
        self._public = public
        self._lock = Lock()
        self._folders: dict[str, str] = {}
        self._boards: dict[str, _Stored] = {}
        self._shared: dict[str, dict[str, Any]] = {}
        self._accounts: dict[int, str] = {}
        self._tokens: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, target: str, authorization: str, body: Any) -> Answer:
        """Status and body of the answer to a request."""
        parts = urlsplit(target)
        with self._lock:
            self.requests.append((method, parts.path))
            if parts.path == "/api/health":
                return 200, {"commit": "none", "database": "ok", "version": "9.4.0-stand-in"}
            role = self._role(authorization)
            if role is None:
                wrong = "Invalid username or password" if authorization.startswith("Basic") else "Invalid API key"
                return 401, {"message": wrong}
            for verb, pattern, least, act in self._routes():
                if verb == method and (found := re.fullmatch(pattern, parts.path)):
                    if _RANKS[role] < _RANKS[least]:
                        return _FORBIDDEN
                    given = {"body": body} if body is not None else {}
                    status, told = act(*found.groups(), **given, **_query(parts.query))
                    # Who may not see everything is not told what is not there.
                    return _FORBIDDEN if status == 404 and role != "Admin" else (status, told)
            return 404, {"message": "Not found"}

    def _routes(self) -> list[Route]:
        board, name = r"/api/dashboards/uid/([^/]+)", r"([^/]+)"
        shared: list[Route] = [
            ("GET", r"/api/dashboards/public-dashboards", "Viewer", lambda: (200, list(self._shared.values()))),
            ("GET", rf"{board}/public-dashboards", "Viewer", self._get_shared),
            ("POST", rf"{board}/public-dashboards", "Admin", self._share),
            ("DELETE", rf"{board}/public-dashboards/{name}", "Admin", self._unshare),
        ]
        return [
            ("GET", rf"/api/folders/{name}", "Viewer", self._get_folder),
            ("POST", r"/api/folders", "Editor", self._make_folder),
            ("GET", board, "Viewer", self._get),
            ("DELETE", board, "Editor", self._delete),
            ("GET", rf"{board}/versions/(\d+)", "Editor", self._version),
            ("POST", r"/api/dashboards/db", "Editor", self._save),
            ("GET", r"/api/search", "Viewer", self._search),
            ("GET", r"/api/frontend/settings/", "Viewer", self._settings),
            ("POST", r"/api/serviceaccounts", "Admin", self._account),
            ("POST", r"/api/serviceaccounts/(\d+)/tokens", "Admin", self._token),
            *(shared if self._public else []),
        ]

    def _role(self, authorization: str) -> str | None:
        kind, _, secret = authorization.partition(" ")
        if kind == "Basic":
            return "Admin" if base64.b64decode(secret).decode() == f"admin:{PASSWORD}" else None
        return self._tokens.get(secret)

    def _get_folder(self, uid: str) -> Answer:
        if uid not in self._folders:
            return 404, {"status": "not-found", "message": "folder not found"}
        return 200, {"uid": uid, "title": self._folders[uid]}

    def _make_folder(self, body: dict[str, Any]) -> Answer:
        if body["uid"] in self._folders:
            return 409, {"message": "a folder with the same uid already exists"}
        if body["title"] in self._folders.values():
            return 409, {"message": "a folder or dashboard in the general folder with the same name already exists"}
        self._folders[body["uid"]] = body["title"]
        return 200, {"uid": body["uid"], "title": body["title"]}

    def _get(self, uid: str) -> Answer:
        stored = self._boards.get(uid)
        if stored is None:
            return 404, {"message": "Dashboard not found"}
        meta = {"folderUid": stored.folder, "provisioned": False, "version": len(stored.versions)}
        return 200, {"meta": meta, "dashboard": stored.model}

    def _save(self, body: dict[str, Any]) -> Answer:
        model, folder = copy.deepcopy(body["dashboard"]), body.get("folderUid", "")
        uid = model.get("uid") or secrets.token_hex(7)
        stored = self._boards.get(uid)
        if folder and folder not in self._folders:
            return 400, {"message": "Folder not found"}
        if not body.get("overwrite"):
            if stored and model.get("version") != len(stored.versions):
                message = "The dashboard has been changed by someone else"
                return 412, {"status": "version-mismatch", "message": message}
            if any(
                (each.folder, each.model["title"]) == (folder, model["title"])
                for other, each in self._boards.items()
                if other != uid
            ):
                message = "A dashboard with the same name in the folder already exists"
                return 412, {"status": "name-exists", "message": message}
        stored = self._boards.setdefault(uid, _Stored(len(self._boards) + 1, folder))
        stored.folder = folder
        stored.versions.append((model, body.get("message", "")))
        model.update(uid=uid, id=stored.id, version=len(stored.versions))
        return 200, {"status": "success", "uid": uid, "id": stored.id, "version": len(stored.versions)}

    def _delete(self, uid: str) -> Answer:
        stored = self._boards.pop(uid, None)
        if stored is None:
            return 404, {"message": "Dashboard not found"}
        self._shared.pop(uid, None)
        return 200, {"title": stored.model["title"], "message": f"Dashboard {stored.model['title']} deleted"}

    def _version(self, uid: str, number: str) -> Answer:
        model, message = self._boards[uid].versions[int(number) - 1]
        return 200, {"version": int(number), "message": message, "data": model}

    def _search(self, type: str, limit: str, page: str) -> Answer:  # noqa: A002 -- Grafana names it so
        assert type == "dash-db"
        first = (int(page) - 1) * int(limit)
        hits = [
            {
                "uid": uid,
                "title": each.model["title"],
                "type": type,
                **({"folderUid": each.folder} if each.folder else {}),
            }
            for uid, each in self._boards.items()
        ]
        return 200, hits[first : first + int(limit)]

    def _settings(self) -> Answer:
        grafana = {"-- Grafana --": {"type": "datasource", "uid": "grafana"}}
        return 200, {"datasources": grafana}

    def _account(self, body: dict[str, Any]) -> Answer:
        number = len(self._accounts) + 2
        self._accounts[number] = body["role"]
        return 201, {"id": number, "name": body["name"], "role": body["role"]}

    def _token(self, number: str, body: dict[str, Any]) -> Answer:
        key = f"glsa_{secrets.token_hex(16)}"
        self._tokens[key] = self._accounts[int(number)]
        return 200, {"id": 1, "name": body["name"], "key": key}

    def _get_shared(self, uid: str) -> Answer:
        if uid not in self._shared:
            return 404, {"message": "Public dashboard not found", "messageId": "publicdashboards.notFound"}
        return 200, self._shared[uid]

    def _share(self, uid: str, body: dict[str, Any]) -> Answer:
        stored = self._boards.get(uid)
        if stored is None:
            return 404, {"message": "Dashboard not found"}
        if stored.model.get("templating", {}).get("list"):
            return 400, {"message": "Public dashboard has template variables"}
        kept = {"uid": secrets.token_hex(7), "dashboardUid": uid, "isEnabled": body["isEnabled"]}
        self._shared[uid] = {**kept, "accessToken": secrets.token_hex(16)}
        return 200, self._shared[uid]

    def _unshare(self, uid: str, public: str) -> Answer:
        assert self._shared[uid]["uid"] == public
        del self._shared[uid]
        return 200, None

    def __enter__(self) -> Self:
        # A short poll: stopping waits for the next one.
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _query(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _handler(grafana: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, told = grafana.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            text = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 -- the base class names them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing: the requests are kept."""

    return Handler
