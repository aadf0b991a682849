"""The historian: the process that scrapes, collects, stores, and answers.

| module | what |
|---|---|
| options | how it is started |
| historian | the one that has the store open: bridge, collectors, store, live state |
| working | its loops, started again when one breaks |
| forwarding | what stands in a worker for the historian: reads, and forwards what is to be written |
| internal | what workers ask of the historian beside the calls of the API |
| workers | further processes that answer, started and watched |
| listening, http | sockets, and uvicorn on them |
| instruments | its own metrics |
| running, reloading | from the start to the signal that ends it |
"""

from __future__ import annotations

from tapewatch.history.serving.options import Options

__all__ = ["Options"]
