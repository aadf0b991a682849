"""YAML in and out: every YAML file that tapewatch reads or makes passes through here.

One dialect everywhere: YAML 1.1 as PyYAML has it, narrowed to what a configuration needs (text, numbers, booleans,
null, lists, mappings with text keys). Plain data is built straight from the parser's events, which takes a fifth of
the time that PyYAML's own loading takes; positions are worked out only once something is wrong.
"""

from tapewatch.documents._document import MAX_BYTES, Document, parse, parse_data, read
from tapewatch.documents._dump import dump
from tapewatch.documents._events import MAX_DEPTH, MAX_NODES
from tapewatch.documents._path import DataPath, path_text
from tapewatch.documents._scalars import Quoted, resolve_plain

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "DataPath",
    "Document",
    "Quoted",
    "dump",
    "parse",
    "parse_data",
    "path_text",
    "read",
    "resolve_plain",
]
