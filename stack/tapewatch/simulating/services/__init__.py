"""What the services do, one module a domain.

| module | domains | what it does |
|---|---|---|
| market_data | market_data | takes the feed's trades, and hands every sixteenth of a symbol on |
| signals | signal | two strategies that make a signal of each |
| risk | risk | checks every order; limits, losses, breaker, kill switch |
| execution | execution | places orders at the exchange, which it plays as well |
| position | position | keeps positions from fills and reconciles them |
| live_trading | live_trading | a trader of its own, in cycles |
| capture | capture, pipeline, ml, dashboard | records the feed, learns and predicts |
| host | host | the machine under a service, and its clock |
| rest | any other | steady values for families that nobody here knows |
"""

from __future__ import annotations

from tapewatch.simulating.scene import Actor
from tapewatch.simulating.services.capture import Capture
from tapewatch.simulating.services.execution import Execution
from tapewatch.simulating.services.host import Host
from tapewatch.simulating.services.live_trading import LiveTrading
from tapewatch.simulating.services.market_data import MarketData
from tapewatch.simulating.services.position import PositionTracker
from tapewatch.simulating.services.risk import RiskManager
from tapewatch.simulating.services.signals import SignalBridge

__all__ = ["PLAYERS"]

PLAYERS: tuple[type[Actor], ...] = (
    MarketData, SignalBridge, RiskManager, Execution, PositionTracker, LiveTrading, Capture, Host,
)  # fmt: skip
"""All actors that know what their families mean."""
