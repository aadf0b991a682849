"""What the real images look like inside: where the program lies, as whom and how it is started, what stands beside it.

Each follows the Dockerfile of the program's own project, at the version that the catalogue pins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["RECIPES", "WITHOUT_STAND_IN", "Folder", "ImageRecipe"]

NOBODY = 65534

SEARCH_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the program writes into.

    Parameters:
        owner: number of the user and group that own it.
        mode: its access rights.
    """

    owner: int
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """How the stand-in for one image is put together.

    Parameters:
        programs: where each program of `make servers` lies in the image; the first gives the image its true version.
        base: what lies under it: a name in `_image_bases.BASES`.
        changes: the image's settings, as Dockerfile instructions.
        folders: folders by path.
        texts: files by path, owned by root.
        data: files by path, each with its place in the `data` folder that is kept beside the program.
    """

    programs: Mapping[str, str]
    base: str
    changes: tuple[str, ...]
    folders: Mapping[str, Folder] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)


PROMETHEUS_CONFIG = """\
global:
  scrape_interval: 15s
  evaluation_interval: 15s
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ["localhost:9090"]
        labels: {app: prometheus}
"""

ALERTMANAGER_CONFIG = """\
route:
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
  receiver: web.hook
receivers:
  - name: web.hook
    webhook_configs:
      - url: http://127.0.0.1:5001/
inhibit_rules:
  - source_matchers: ['severity="critical"']
    target_matchers: ['severity="warning"']
    equal: [alertname, dev, instance]
"""

LOKI_CONFIG = """\
auth_enabled: false
server:
  http_listen_port: 3100
common:
  instance_addr: 127.0.0.1
  path_prefix: /loki
  storage:
    filesystem:
      chunks_directory: /loki/chunks
      rules_directory: /loki/rules
  replication_factor: 1
  ring:
    kvstore: {store: inmemory}
schema_config:
  configs:
    - from: 2020-10-24
      store: tsdb
      object_store: filesystem
      schema: v13
      index: {prefix: index_, period: 24h}
ruler:
  alertmanager_url: http://localhost:9093
"""

JAEGER_SAMPLING = '{"default_strategy": {"type": "probabilistic", "param": 1}}\n'

RECIPES: Mapping[str, ImageRecipe] = {
    "prom/prometheus": ImageRecipe(
        programs={"prometheus": "/bin/prometheus", "promtool": "/bin/promtool"},
        base="busybox",
        changes=(
            SEARCH_PATH,
            "USER nobody",
            "EXPOSE 9090",
            'VOLUME ["/prometheus"]',
            "WORKDIR /prometheus",
            'ENTRYPOINT ["/bin/prometheus"]',
            'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]',
        ),
        folders={"/etc/prometheus": Folder(NOBODY), "/prometheus": Folder(NOBODY, 0o775)},
        texts={"/etc/prometheus/prometheus.yml": PROMETHEUS_CONFIG},
    ),
    "prom/alertmanager": ImageRecipe(
        programs={"alertmanager": "/bin/alertmanager", "amtool": "/bin/amtool"},
        base="busybox",
        changes=(
            SEARCH_PATH,
            "USER nobody",
            "EXPOSE 9093",
            'VOLUME ["/alertmanager"]',
            "WORKDIR /alertmanager",
            'ENTRYPOINT ["/bin/alertmanager"]',
            'CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]',
        ),
        folders={"/etc/alertmanager": Folder(NOBODY), "/alertmanager": Folder(NOBODY, 0o775)},
        texts={"/etc/alertmanager/alertmanager.yml": ALERTMANAGER_CONFIG},
    ),
    "prom/node-exporter": ImageRecipe(
        programs={"node_exporter": "/bin/node_exporter"},
        base="busybox",
        changes=(SEARCH_PATH, "USER nobody", "EXPOSE 9100", 'ENTRYPOINT ["/bin/node_exporter"]'),
    ),
    "prom/blackbox-exporter": ImageRecipe(
        programs={"blackbox_exporter": "/bin/blackbox_exporter"},
        base="busybox-libc",
        # It runs as root, as the real one does: ICMP probes need it.
        changes=(
            SEARCH_PATH,
            "EXPOSE 9115",
            'ENTRYPOINT ["/bin/blackbox_exporter"]',
            'CMD ["--config.file=/etc/blackbox_exporter/config.yml"]',
        ),
        data={"/etc/blackbox_exporter/config.yml": "blackbox.yml"},
    ),
    "grafana/loki": ImageRecipe(
        programs={"loki": "/usr/bin/loki"},
        base="static",
        changes=(
            SEARCH_PATH,
            "USER 10001",
            "EXPOSE 3100",
            "WORKDIR /",
            "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
            'ENTRYPOINT ["/usr/bin/loki"]',
            'CMD ["-config.file=/etc/loki/local-config.yaml"]',
        ),
        folders={
            "/etc/loki": Folder(10001),
            "/loki": Folder(10001),
            "/loki/rules": Folder(10001),
            "/loki/rules-temp": Folder(10001),
        },
        texts={"/etc/loki/local-config.yaml": LOKI_CONFIG},
    ),
    "jaegertracing/jaeger": ImageRecipe(
        programs={"jaeger": "/cmd/jaeger/jaeger-linux"},
        base="busybox",
        changes=(
            SEARCH_PATH,
            "USER 10001",
            "ENV JAEGER_LISTEN_HOST=0.0.0.0",
            *(f"EXPOSE {port}" for port in (4317, 4318, 5778, 5779, 9411, 13132, 13133, 14250, 14268, 16686)),
            'VOLUME ["/tmp"]',
            'ENTRYPOINT ["/cmd/jaeger/jaeger-linux"]',
        ),
        texts={"/cmd/jaeger/sampling-strategies.json": JAEGER_SAMPLING},
    ),
}
"""By image name without its tag, so that the catalogue may name its components as it likes."""

WITHOUT_STAND_IN: Mapping[str, str] = {
    "grafana/grafana": "neither the Go module proxy nor Debian has Grafana",
    "grafana/alloy": "neither the Go module proxy nor Debian has Alloy",
}
"""Images that only a registry has, and why."""
