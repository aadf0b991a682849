"""The built-in checks, one file each. They come in through the public entry points."""
