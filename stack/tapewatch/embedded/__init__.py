"""The stack without containers, in the foreground: platform, history, and Prometheus and Alertmanager if they are here.

`local` makes a copy of the catalogue in which everything is on this machine, `parts` tells what runs and how, `running`
starts it all and ends it all, and `status` looks at it. Other commands find it by `tapewatch.running.here`.
"""

from tapewatch.embedded.parts import NAMES
from tapewatch.embedded.running import Running, ended, run

__all__ = ["NAMES", "Running", "ended", "run"]
