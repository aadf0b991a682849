"""Grafana's own settings, as variables of its environment: the same in containers and without."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.where import Where

__all__ = ["grafana_settings"]

_QUIET: Mapping[str, str] = {
    "GF_AUTH_ANONYMOUS_ENABLED": "false",
    "GF_USERS_ALLOW_SIGN_UP": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_PLUGINS_PREINSTALL_AUTO_UPDATE": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_LOG_MODE": "console",
}
"""Nobody gets in without a password, and nothing is told to Grafana's makers or fetched from them unasked."""


def grafana_settings(catalogue: Catalogue, where: Where, home: str, password: str) -> dict[str, str]:
    """The settings.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        home: the file of the dashboard that Grafana shows first; its own page where it is empty.
        password: file with the password of its user admin.
    """
    return {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": password,
        "GF_SERVER_ROOT_URL": catalogue.platform.grafana_url,
        "GF_PATHS_PROVISIONING": f"{where.config['grafana']}/provisioning",
        **_QUIET,
        **({"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": home} if home else {}),
    }
