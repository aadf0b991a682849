"""Running services, held against the catalogue.

| module | what |
|---|---|
| platform | the chosen services, all at once; what `tapewatch verify` calls |
| scraping | one scrape, within Prometheus's limits |
| scanner, lines | an answer, read strictly: text format or OpenMetrics |
| pushed | the services that push, as Prometheus has them |
| exposition | what a service exposes, from either |
| subject, contract, values, dropped, changes | what is held against what: families and labels, values, two looks |
"""
