"""Shards: which Prometheus has which service, which rules see more than one of them, how long a move takes.

| module | what |
|---|---|
| hashing | the shards of a service, and how a Prometheus keeps what is its own |
| scope | whether an expression looks at one service at a time |
| placing | which rules the shards evaluate, and which the engine that sees them all |
| moving | which services move, and how long they must be on both shards |
"""

__all__: list[str] = []
