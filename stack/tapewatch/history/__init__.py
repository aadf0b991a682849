"""The history: services are scraped each second, what they say is kept in one DuckDB file, and shown as it comes.

`bridge` scrapes and parses, `collecting` makes rows of samples, `store` keeps both, `api` answers over HTTP and
WebSocket, `page` is what a browser is shown.
"""
