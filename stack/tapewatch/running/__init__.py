"""The running stack: bringing it up, looking at it, telling its servers to read their files again."""
