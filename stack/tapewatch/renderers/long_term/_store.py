"""The bucket, as the engines and Loki are told of it. Its key stands in a file that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tapewatch.catalogue.long_term import ObjectStore

__all__ = ["CREDENTIALS", "PREFIXES", "credentials", "s3"]

CREDENTIALS = "AWS_SHARED_CREDENTIALS_FILE"
"""Variable of the environment that holds the path of the file with the key; every client of AWS's looks there."""

PREFIXES: Mapping[str, str] = {"mimir": "mimir", "thanos": "thanos", "loki": "loki"}
"""What begins the names of a program's objects. Mimir takes letters and digits alone."""


def credentials(store: ObjectStore) -> dict[str, str]:
    """The environment of a program that asks the bucket."""
    return {CREDENTIALS: store.credentials_file}


def s3(store: ObjectStore) -> dict[str, Any]:
    """The bucket in the words of Mimir, which are also Loki's: both have them from one library."""
    return {
        "endpoint": store.endpoint,
        "bucket_name": store.bucket,
        "region": store.region,
        "insecure": not store.tls,
        "bucket_lookup_type": "path" if store.path_style else "auto",
        "native_aws_auth_enabled": True,
    }
