"""What `tapewatch init` starts a project with: the sample catalogue, and the Dockerfile of its sample platform."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

__all__ = ["sample_catalogue", "sample_dockerfile"]

_DOCKERFILE = """\
# tapewatch, for the sample platform in docker-compose.yml. docker compose builds it when it is missing.
ARG BASE=python:3.11-slim-bookworm
FROM ${{BASE}}
ARG PIP_CERT
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_TRUSTED_HOST
RUN python3 -m pip install --no-cache-dir --root-user-action ignore \\
        "tapewatch[stack,history,otel,remote-write]=={version}"
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /project
USER 10001:10001
ENTRYPOINT ["tapewatch"]
CMD ["--help"]
"""


def sample_catalogue() -> str:
    """Text of the sample catalogue.

    An installed distribution carries a copy of the repository's `catalogue.yaml`; in a checkout it is that file.
    """
    packaged = files("tapewatch") / "sample_catalogue.yaml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "catalogue.yaml").read_text(encoding="utf-8")


def sample_dockerfile() -> str:
    """Text of a Dockerfile that installs this very version of tapewatch.

    The repository's own, which builds the same image from source, needs that source.
    """
    return _DOCKERFILE.format(version=version("tapewatch"))
