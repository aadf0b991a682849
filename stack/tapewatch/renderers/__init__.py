"""The built-in renderers: each a pure function, request -> files. They come in through the public entry points."""
