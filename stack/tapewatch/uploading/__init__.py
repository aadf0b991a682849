"""The dashboards in somebody else's Grafana: uploaded over its HTTP API, and shared publicly.

Whatever is not ours stays as it is. A dashboard is ours when its description ends in our mark, which names the project
and the dashboard's UID: a copy that a person made under another UID is theirs.
"""
