"""PromQL: reading it with positions, editing it as text, and holding it against what exists.

| module | what |
|---|---|
| lexer | tokens with offsets |
| selector | vector selectors and their matchers |
| duration | ranges, offsets and steps |
| edit | edits that keep formatting and comments: matchers, durations, macros |
| syntax, tree | parsing, with errors and nodes that know their place |
| universe | which metrics, labels and services there are |
| lineage | the findings, and what an expression yields |
| grafana, templates | variables of panels; labels that annotations and legends show |

Nothing is imported here, so that a command which only edits expressions does not load the analysis.
"""

__all__: list[str] = []
