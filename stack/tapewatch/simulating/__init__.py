"""The sample trading platform: seven services and a stand-in for the API, from one seeded market simulation.

| module | what |
|---|---|
| market, chance | prices, trades and order books as functions of the time and a seed |
| services | what the services do, one module a domain |
| scene, book, wire, meters | what they are given: the world, positions, the way to each other, instruments |
| faults | what can be made to go wrong on purpose, for each of the 29 alerts |
| service, server, push | one service in its process: its ports, its pushes, its beat |
| plan, planning | what the processes must know, and how it follows from the catalogue |
| supervisor, control | the processes together; faults switched while they run |
"""
