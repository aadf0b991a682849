"""What a service or a plugin of tapewatch imports. Light: it loads no pydantic, FastAPI or DuckDB."""
