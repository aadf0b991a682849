"""The bucket's own rules, and the logs in it: a real MinIO and a real Loki."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.long_term import BUCKET, PASSWORD, USER, credentials_file, minio_server
from support.rendering import render, varied, write
from support.servers import Server, free_port, start_loki
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.long_term import LongTermRenderer
from tapewatch.renderers.where import native
from tapewatch_sdk.plugins import Renderer

pytestmark = pytest.mark.needs("minio")


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("minio")
    with minio_server(folder, free_port()).start() as server:
        yield server


def catalogue(minio: Server, key: Path, retention: dict[str, str] | None = None) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        store = {"endpoint": f"127.0.0.1:{minio.port}", "bucket": BUCKET, "credentials_file": str(key), "tls": False,
                 "path_style": True}  # fmt: skip
        data["stack"]["long_term"] = {"engine": "mimir", "object_store": store, "retention": retention or {}}
        data["stack"]["images"]["mimir"] = {"image": "grafana/mimir", "version": "3.0.5"}
        data["stack"]["ports"] = {"loki": free_port(), "loki_grpc": free_port()}

    return varied(change)


def client(minio: Server) -> Any:
    return boto3.client(
        "s3", endpoint_url=minio.url, aws_access_key_id=USER, aws_secret_access_key=PASSWORD, region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip


def rules(renderer: Renderer, given: Catalogue) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(renderer, given)[f"{layout.LONG_TERM}/lifecycle.json"])
    return found


def test_a_store_takes_the_buckets_rules_as_they_are(minio: Server, tmp_path: Path) -> None:
    given = rules(LongTermRenderer(), catalogue(minio, tmp_path / "key"))
    asked = client(minio)

    asked.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=given)

    taken = {each["ID"]: each for each in asked.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    found = {name: (each["Filter"]["Prefix"], each["Expiration"]["Days"]) for name, each in taken.items()}
    assert found == {"metrics": ("mimir/", 90 + 30), "logs": ("loki/", 7 + 30)}


def test_rules_with_an_archive_have_the_form_that_aws_asks_for(minio: Server, tmp_path: Path) -> None:
    """The client checks it against the description that AWS publishes. MinIO knows no such class, and says so."""
    retention = {"object_store": "90d", "archive": "7y"}
    given = rules(LongTermRenderer(), catalogue(minio, tmp_path / "key", retention))
    (metrics, _) = given["Rules"]
    assert metrics["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER_IR"}]
    assert metrics["Expiration"] == {"Days": 7 * 365 + 30}

    with pytest.raises(ClientError) as refused:
        client(minio).put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=given)

    assert "StorageClass" in str(refused.value)


@pytest.mark.needs("loki")
def test_logs_are_in_the_bucket_and_outlive_lokis_crash_and_disk(minio: Server, tmp_path: Path) -> None:
    key = credentials_file(tmp_path)
    given = catalogue(minio, key)
    where = partial(native, data=str(tmp_path / "parts"), config=str(tmp_path / layout.PROVISIONING))
    write(render(LokiRenderer(where), given), tmp_path)
    config = tmp_path / layout.LOKI / "loki.yml"
    port = given.stack.ports.loki
    with start_loki(config, tmp_path, port=port, environment={"AWS_SHARED_CREDENTIALS_FILE": str(key)}) as loki:
        first = [send(loki, f"line {number} {uuid.uuid4().hex}") for number in range(50)]

        loki.stop(signal.SIGKILL)
        loki.start()
        assert lines(loki) == set(first), "killed: what it acknowledged is there"
        if not os.environ.get("TAPEWATCH_NIGHTLY"):
            return  # another start of Loki, and what goes before it, takes twenty seconds

        loki.post("/flush", timeout=30.0)
        wait_for("the lines are in the bucket", lambda: stored(minio), 60.0, loki.log_tail)
        loki.stop()  # an orderly end puts their index there as well
        assert any(key.startswith("loki/index/index_") for key in keys(minio)), keys(minio)
        shutil.rmtree(tmp_path / "parts" / "loki")
        loki.start()

        wait_for("read from the bucket alone", lambda: lines(loki) == set(first), 60.0, loki.log_tail)


def keys(minio: Server) -> list[str]:
    return [each["Key"] for each in client(minio).list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def stored(minio: Server) -> list[str]:
    """Objects with lines."""
    found = [key for key in keys(minio) if key.startswith("loki/fake/")]
    assert all(key.startswith("loki/") for key in keys(minio)), "each program keeps what is its own under its prefix"
    return found


def send(loki: Server, text: str) -> str:
    stream = {"stream": {"service": "risk-manager"}, "values": [[str(time.time_ns()), text]]}
    loki.post("/loki/api/v1/push", {"streams": [stream]})
    return text


def lines(loki: Server) -> set[str]:
    query = quote('{service="risk-manager"}')
    start, end = time.time_ns() - 3600 * 10**9, time.time_ns() + 10**9
    found = loki.get_json(f"/loki/api/v1/query_range?query={query}&limit=1000&start={start}&end={end}")
    return {text for each in found["data"]["result"] for _, text in each["values"]}
