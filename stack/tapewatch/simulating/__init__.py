"""A platform that is not there: every service of a catalogue measured as one at rest, from one process.

| module | what |
|---|---|
| values | what the numbers are: samples of each family over time; the rest does not care |
| server | the scraped services: `/metrics`, `/health`, `/ready`, and the receivers' webhook |
| push | the services that push, by OTLP over HTTP |
| platform | a catalogue's services together, started and stopped |
"""
