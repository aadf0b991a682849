"""What a stack of a size needs: servers, memory, disk, object storage, network, and what that costs.

The constants were measured by `benchmarks/capacity.py` on a real Prometheus; `constants.yaml` says when, where and with
which command. Prices come from a file of the user's; the one beside this is an example.
"""

from tapewatch.capacity.constants import Constants, measured
from tapewatch.capacity.model import Load, Needs, Server, needs
from tapewatch.capacity.prices import Prices, money, read_prices

__all__ = ["Constants", "Load", "Needs", "Prices", "Server", "measured", "money", "needs", "read_prices"]
