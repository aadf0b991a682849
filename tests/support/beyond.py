"""A catalogue that says as much as a cluster can be told, rendered whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from support.rendering import varied_text, write
from tapewatch import layout
from tapewatch.project import open_project

__all__ = ["SECRETS", "objects", "rendered", "rich"]

SECRETS = ("desk-url", "mail-password", "edge-token", "edge-password", "ca", "certificate", "key", "store-password")
"""Names of the secrets that the catalogue names."""

Data = dict[str, Any]


def rich(webhook: str = "http://hook:9000/") -> Callable[[Data], None]:
    """A change of the sample: two of everything, every way to sign in, to be found and to be told.

    Parameters:
        webhook: where every receiver's messages go.
    """

    def change(data: Data) -> None:
        data["receivers"] = {name: {"webhook": [{"url": webhook}]} for name in data["receivers"]}
        data["receivers"]["desk-chat"] = {"slack": [{"channel": "#desk", "api_url_file": "/run/secrets/desk-url"}]}
        data["receivers"]["team-mail"] = {
            "email": [
                {"to": "team@example.com", "from": "watch@example.com", "smarthost": "mail:587", "username": "watch",
                 "password_file": "/run/secrets/mail-password"}
            ]
        }  # fmt: skip
        data["time_intervals"] = {"weekends": [{"weekdays": ["saturday", "sunday"], "location": "Europe/London"}]}
        data["routing"]["medium"]["mute"] = ["weekends"]
        data["services"]["market-data"]["scrape"] = {"interval": "1s", "timeout": "900ms"}
        data["services"]["risk-manager"]["scrape"] = _secured({"type": "bearer", "credentials_file": _at("edge-token")})
        data["services"]["signal-bridge"]["scrape"] = _secured(
            {"type": "basic", "username": "watch", "password_file": _at("edge-password")}
        )
        data["services"]["live-trading"].update(
            address=None, labels={"desk": "rates"}, discovery={"dns": {"names": ["_metrics._tcp.live.trading.svc"]}}
        )
        data["services"]["position-tracker"].update(
            address=None, discovery={"http": {"url": "http://registry:8080/targets", "refresh": "15s"}}
        )
        data["slos"] = {
            "orders": {"objective": 0.99, "total": "orders_submitted_total", "bad": "orders_rejected_total"}
        }
        data["stack"].pop("simulate")
        data["stack"].update(
            high_availability={},
            kubernetes={},
            external_labels={"site": "london"},
            heartbeat={"url": webhook, "interval": "1m"},
            remote_write=[
                {"name": "store", "url": "https://store.example.com/push", "username": "watch",
                 "password_file": _at("store-password"), "drop": [{"label": "__name__", "regex": "go_.+"}]}
            ],
        )  # fmt: skip

    return change


def _secured(credentials: Data) -> Data:
    tls = {"ca_file": _at("ca"), "cert_file": _at("certificate"), "key_file": _at("key"), "server_name": "edge"}
    return {"scheme": "https", "path": "/own", "tls": tls, "credentials": credentials}


def _at(name: str) -> str:
    return f"/run/secrets/{name}"


def rendered(folder: Path, change: Callable[[Data], object]) -> Path:
    """Every file of the sample, after `change` has worked on its data, below a folder; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    return write(open_project(folder).render(), folder)


def objects(folder: Path) -> dict[str, Data]:
    """The objects of the cluster in the order of the kustomization, by their file below the folder."""
    root = folder / layout.KUBERNETES
    listed = yaml.safe_load((root / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return {
        f"{layout.KUBERNETES}/{name}": yaml.load((root / name).read_text(encoding="utf-8"), yaml.CSafeLoader)
        for name in listed
    }
