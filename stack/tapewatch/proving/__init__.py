"""Proves what is generated, with the servers' own tools.

| module | what |
|---|---|
| promtool | runs promtool: checks of files, unit tests, results by case |
| proofs | the unit tests of every rule, made from its proof |
| mutation | damages every rule in every way we know, and sees whether its proof notices |
| routing | Alertmanager's routes and inhibition |
"""
