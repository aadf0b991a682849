"""What a dashboard is written with: queries of declared families, limits of alerts, links, variables.

A sheet knows the catalogue. So a query has the matchers of exactly those variables that its family has as labels, a
panel the unit of its family, and a legend names the service only where several emit the family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from grafanalib import core

from tapewatch_dashboards.facade import variables
from tapewatch_dashboards.facade.board import board
from tapewatch_dashboards.facade.kinds import Kind, kinds_of
from tapewatch_dashboards.facade.layout import Row
from tapewatch_dashboards.facade.look import Limit, limit_of, seconds_of, unit_of, unit_of_rate
from tapewatch_dashboards.facade.queries import Query
from tapewatch_sdk.families import Family
from tapewatch_sdk.plugins import Dashboard, Request, RuleView

__all__ = ["Sheet"]

QUANTILES = (0.5, 0.95, 0.99)

_CANDLE = "1m"
"""The shortest candle: in less time there may be a single sample, of which nothing can be said."""

WINDOW = 600_000
"""Milliseconds around a point that a link from it shows."""


class Sheet:
    """Writes one dashboard.

    Parameters:
        request: what the dashboard pack was given.
        shown_by: a family by which the services of this dashboard are found; all services where it is empty.
        choose: labels that can be chosen at the top, each with a family that has it: `{"symbol": "market_data_price"}`.
        only: a pattern of the services that can be chosen; exactly one is chosen then.
        one: whether exactly one service is chosen, also without a pattern.
        by_service: whether a service can be chosen at all. Not on a dashboard about several kinds of services: a link
            that names a service of one kind would empty the panels of the others.
    """

    def __init__(
        self,
        request: Request,
        shown_by: str = "",
        choose: dict[str, str] | None = None,
        *,
        only: str = "",
        one: bool = False,
        by_service: bool = True,
    ) -> None:
        self.request = request
        self._shown_by = self.family(shown_by).series_names[0] if shown_by else ""
        self._choose = choose or {}
        self._only = only
        self._one = one or bool(only)
        self._by_service = by_service
        self._base = _BASE if by_service else _BASE[:1]

    def family(self, name: str) -> Family:
        """A declared family.

        Raises:
            KeyError: the catalogue declares none of this name.
        """
        return self.request.catalogue.families[name]

    def has(self, *names: str) -> bool:
        """Whether the catalogue declares all of these families, and a service emits each."""
        families = self.request.catalogue.families
        return all(name in families and self._services(families[name]) for name in names)

    def of(self, series: str, *matchers: str) -> str:
        """A selector of a series, with the matchers of the dashboard's variables.

        Parameters:
            series: a family, or one of its `_bucket`, `_sum`, `_count`.
            matchers: further ones, `status="error"`.
        """
        labels = self._family_of(series).labels
        chosen = [f'{label}=~"${label}"' for label in self._choose if label in labels]
        return f"{series}{{{', '.join((*self._base, *chosen, *matchers))}}}"

    def rate(self, name: str, *matchers: str, by: Sequence[str] = (), legend: str = "") -> Query:
        """How often a counter counts in a second.

        Parameters:
            matchers: further matchers.
            by: labels that are kept; the service is kept besides.
            legend: a legend of one's own.
        """
        return self._sum(f"rate({self.of(name, *matchers)}[$__rate_interval])", name, by, legend)

    def increase(self, name: str, *matchers: str, by: Sequence[str] = (), legend: str = "") -> Query:
        """How often a counter counted in the range that is shown, as one whole number for each series."""
        query = self._sum(f"increase({self.of(name, *matchers)}[$__range])", name, by, legend)
        return Query(f"round({query.expr})", query.legend, instant=True)

    def within(self, name: str, window: str, *matchers: str, by: Sequence[str] = (), legend: str = "") -> Query:
        """How much a counter counted in the window before each moment, which is what many alerts look at.

        Parameters:
            window: a duration, as a rule `Sheet.window` of the alert.
        """
        return self._sum(f"increase({self.of(name, *matchers)}[{window}])", name, by, legend)

    def total(self, name: str, *matchers: str, window: str = "$__range") -> Query:
        """The same over all series: one whole number, 0 where nothing was counted yet."""
        counted = f"sum(increase({self.of(name, *matchers)}[{window}]))"
        return Query(f"round({counted}) or vector(0)", name, instant=True)

    def value(self, name: str, *matchers: str, by: Sequence[str] = (), legend: str = "", how: str = "sum") -> Query:
        """A gauge.

        Parameters:
            how: the aggregation over labels that are not kept: `sum`, `max`, `min`, `avg`.
        """
        return self._sum(self.of(name, *matchers), name, by, legend, how)

    def mean(self, name: str, *matchers: str, by: Sequence[str] = (), legend: str = "") -> Query:
        """The mean of what a histogram observed."""
        kept, text = self._kept(name, by, legend)
        total = f"sum {kept}(rate({self.of(f'{name}_sum', *matchers)}[$__rate_interval]))"
        count = f"sum {kept}(rate({self.of(f'{name}_count', *matchers)}[$__rate_interval]))"
        return Query(f"{total} / ({count} > 0)", text, step=self.step(name))

    def quantile(
        self, quantile: float, name: str, *matchers: str, by: Sequence[str] = (), legend: str = "", whole: bool = False
    ) -> Query:
        """A quantile of what a histogram observed, with exemplars.

        Parameters:
            whole: over the range that is shown, as one number for each series: for what is too rare for a line.
        """
        kept = ", ".join(("le", "service", *by))
        window = "$__range" if whole else "$__rate_interval"
        rate = f"sum by ({kept}) (rate({self.of(f'{name}_bucket', *matchers)}[{window}]))"
        shown = self._shown(name, by)
        text = " ".join(f"{{{{{label}}}}}" for label in shown)
        named = _told_apart(legend, shown) or f"p{quantile * 100:g} {text}".strip()
        expr = f"histogram_quantile({quantile:g}, {rate})"
        if whole:
            return Query(expr, named, instant=True)
        return Query(expr, named, exemplar=True, step=self.step(name))

    def quantiles(self, name: str, *matchers: str, by: Sequence[str] = ()) -> list[Query]:
        """Median, 95th and 99th percentile; the exemplars are drawn once."""
        made = [self.quantile(quantile, name, *matchers, by=by) for quantile in QUANTILES]
        return [replace(each, exemplar=each is made[-1]) for each in made]

    def heat(self, name: str, *matchers: str) -> Query:
        """The buckets of a histogram over time, for `heatmap`."""
        rate = f"sum by (le) (rate({self.of(f'{name}_bucket', *matchers)}[$__rate_interval]))"
        return Query(rate, "{{le}}", format="heatmap", step=self.step(name))

    def buckets(self, name: str, *matchers: str) -> Query:
        """How often each bucket was met in the range that is shown, for `distribution`."""
        increase = f"sum by (le) (increase({self.of(f'{name}_bucket', *matchers)}[$__range]))"
        return Query(increase, "{{le}}", format="heatmap")

    def candles(self, price: str, *matchers: str) -> list[Query]:
        """Open, high, low and close of a price, for `candlestick`; a candle is a minute or longer.

        Parameters:
            price: the gauge.
            matchers: further matchers, which leave one price.
        """
        at = self.of(price, *matchers)
        drawn = {
            "open": f"max(last_over_time({at}[$__interval] offset $__interval))",
            "high": f"max(max_over_time({at}[$__interval]))",
            "low": f"min(min_over_time({at}[$__interval]))",
            "close": f"max(last_over_time({at}[$__interval]))",
        }
        return [Query(expr, name, step=_CANDLE) for name, expr in drawn.items()]

    def record(self, stem: str, alert: str = "", *, by: Sequence[str] = (), legend: str = "") -> Query:
        """A recorded series, with the window of the alert that records it at its end.

        Parameters:
            stem: the name up to the window, `service:execution_orders_rejected:ratio`.
            alert: the alert whose parameter `window` ends the name; none where the name is whole.
            by: further labels that it has.
        """
        name = f"{stem}{self.window(alert)}"
        chosen = [f'{label}=~"${label}"' for label in self._choose if label in by]
        text = legend or " ".join(f"{{{{{label}}}}}" for label in (by or ("service",)))
        return Query(f"{name}{{{', '.join((*self._base, *chosen))}}}", text)

    def limit(self, alert: str, parameter: str = "threshold") -> Limit | None:
        """Where an alert begins; None where the project does not have it.

        It is that of the services without an override, or of an override where no service is left without.
        """
        rule = self._rule(alert)
        return limit_of(rule, parameter) if rule else None

    def first(self, alert: str) -> Limit | None:
        """The limit of a count of what an alert fires for at the first time: 1; None where the project lacks it."""
        rule = self._rule(alert)
        return Limit(1, rule.severity, alert=alert) if rule else None

    def window(self, alert: str, otherwise: str = "") -> str:
        """How long an alert looks back, its parameter `window`.

        Parameters:
            otherwise: what holds where the project does not have the alert, or it has no window.
        """
        rule = self._rule(alert)
        return str(rule.values.get("window", otherwise)) if rule else otherwise

    def unit(self, name: str, *, rate: bool = False) -> str:
        """Grafana's unit of a family, or of its rate."""
        return unit_of_rate(self.family(name)) if rate else unit_of(self.family(name))

    def links(self, name: str) -> list[dict[str, Any]]:
        """From a point of a family's panel to the logs and traces of its service at that time."""
        services = self._services(self.family(name))
        kinds = {kind.uid: kind for kind in self._kinds if services & set(kind.services)}
        if len(kinds) != 1:
            return []
        return [_to_service(next(iter(kinds.values())))]

    def variables(self) -> list[core.Template]:
        """The variables of this dashboard."""
        service = variables.service(self._shown_by, one=self._one, only=self._only)
        chosen = [variables.label(label, family, by_service=self._by_service) for label, family in self._choose.items()]
        services = [service] if self._by_service else []
        return [variables.datasource(), variables.environment(), *services, *chosen]

    def board(self, uid: str, title: str, question: str, rows: Iterable[Row], **more: Any) -> Dashboard:
        """The dashboard; the parameters are those of `board`, and the variables the sheet's own."""
        return board(uid, title, question, rows, **{"variables": self.variables(), **more})

    def step(self, name: str) -> str:
        """How far apart the samples of a family are, for `Query.step`; empty where that is what Grafana knows anyway.

        A service that pushes sends more seldom than others are scraped: a rate over a few scrapes sees too few samples.
        """
        longest = self._intervals.get(self._family_of(name).domain, "")
        usual = _interval(getattr(self.request.catalogue, "defaults", None), "scrape")
        return longest if (seconds_of(longest) or 0) > (seconds_of(usual) or 0) else ""

    def _rule(self, alert: str) -> RuleView | None:
        rules = {rule.service: rule for rule in self.request.rules if rule.alert == alert}
        usual = rules.get("")
        own = [rules.get(service) for service in self._by_domain.get(usual.domain, ())] if usual else []
        alike = own and all(rule and own[0] and rule.values == own[0].values for rule in own)
        return own[0] if alike else usual

    def _family_of(self, series: str) -> Family:
        families = self.request.catalogue.families
        names = (series, *(series.removesuffix(suffix) for suffix in ("_bucket", "_sum", "_count")))
        return families[next((name for name in names if name in families), series)]

    def _services(self, family: Family) -> set[str]:
        return self._by_domain.get(family.domain, set())

    @cached_property
    def _by_domain(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, service in self.request.catalogue.services.items():
            for domain in service.emits:
                found.setdefault(domain, set()).add(name)
        return found

    @cached_property
    def _intervals(self) -> Mapping[str, str]:
        """The longest interval at which a service sends, by domain."""
        found: dict[str, str] = {}
        for service in self.request.catalogue.services.values():
            interval = _interval(service, service.mode)
            for domain in service.emits:
                if (seconds_of(interval) or 0) > (seconds_of(found.get(domain, "")) or 0):
                    found[domain] = interval
        return found

    @cached_property
    def _kinds(self) -> Sequence[Kind]:
        return kinds_of(self.request.catalogue)

    def _sum(self, inner: str, name: str, by: Sequence[str], legend: str, how: str = "sum") -> Query:
        kept, text = self._kept(name, by, legend)
        return Query(f"{how} {kept}({inner})", text, step=self.step(name) if "$__rate_interval" in inner else "")

    def _kept(self, name: str, by: Sequence[str], legend: str) -> tuple[str, str]:
        """The labels that stay, and the legend; the service always stays, for the links."""
        shown = self._shown(name, by)
        text = _told_apart(legend, shown) or " ".join(f"{{{{{label}}}}}" for label in shown or ["service"])
        return f"by ({', '.join(('service', *by))}) ", text

    def _shown(self, name: str, by: Sequence[str]) -> list[str]:
        """The labels that tell lines apart: the service is one where several emit the family."""
        several = not self._one and len(self._services(self._family_of(name))) > 1
        return [*(["service"] if several else []), *by]


_BASE = ('environment=~"$environment"', 'service=~"$service"')


def _told_apart(legend: str, shown: Sequence[str]) -> str:
    """A legend of one's own, with the service before it where several would have the same."""
    return f"{{{{service}}}} {legend}" if legend and "service" in shown and "{{service}}" not in legend else legend


def _interval(of: object, mode: str) -> str:
    """The interval of a service, or of the defaults; the full model of the catalogue has it, its view does not."""
    usual = "15s" if mode == "push" else "5s"
    return str(getattr(getattr(of, mode, None), "interval", usual))


def _to_service(kind: Kind) -> dict[str, Any]:
    when = f"time=${{__value.time}}&time.window={WINDOW}"
    url = f"/d/{kind.uid}?var-service=${{__field.labels.service}}&${{environment:queryparam}}&{when}"
    link: dict[str, Any] = core.DashboardLink(
        type="link",
        title="Logs and traces at this time",
        uri=url,
        tooltip="The service around this point",
        keepTime=False,
    ).to_json_data()
    return link
