# tapewatch itself: the sample platform, and every other command. docker compose builds it when it is missing.
#
# It needs nothing that only BuildKit has. pip reads the settings below from its environment; a build argument gives them:
#   docker build --build-arg PIP_INDEX_URL=https://packages.example.com/simple --tag tapewatch/tapewatch:0.1.0 .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG PIP_CERT
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python3 -m venv --without-pip /opt/tapewatch
# pip wants every requirement of a checked install in one list, and the lock is the list of all extras. So all of it is
# loaded and checked here; what is installed, of these files alone, is what the extra needs.
COPY requirements.lock .
RUN python3 -m pip download --quiet --no-deps --require-hashes --only-binary :all: --dest wheels \
        --requirement requirements.lock
COPY pyproject.toml README.md LICENSE catalogue.yaml ./
COPY sdk sdk
COPY stack stack
COPY alerts alerts
COPY dashboards dashboards
RUN python3 -m pip --python /opt/tapewatch/bin/python install --quiet --no-index --find-links wheels \
        ".[stack,history,otel,remote-write]"

FROM ${BASE}
COPY --from=build /opt/tapewatch /opt/tapewatch
ENV PATH=/opt/tapewatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A project's folder, or its catalogue alone, is mounted here.
WORKDIR /project
USER 10001:10001
ENTRYPOINT ["tapewatch"]
CMD ["--help"]
