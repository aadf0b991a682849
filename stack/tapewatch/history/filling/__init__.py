"""What a history missed, from another that did not: of several, each scrapes on its own, and none is the first one.

| module | what |
|---|---|
| holes | when a history was away, read from what it has |
| pages | what another one is given of such a time, a bounded piece at a time |
| taking | a piece as a batch, without what is there already |
| peers | asking another history |
| filler | the loop: at the start, and after each gap |
"""

from __future__ import annotations

from tapewatch.history.filling.filler import Filler
from tapewatch.history.filling.pages import page
from tapewatch.history.filling.peers import Peer, PeerError

__all__ = ["Filler", "Peer", "PeerError", "page"]
