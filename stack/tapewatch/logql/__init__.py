"""LogQL, as far as an alert on log lines must be understood before a Loki sees it: strings, brackets and selectors.

The whole language is Loki's to read, and the tests hold this reader against a real one.
"""

from tapewatch.logql._reader import LogqlError, Matcher, Query, Selector, read

__all__ = ["LogqlError", "Matcher", "Query", "Selector", "read"]
