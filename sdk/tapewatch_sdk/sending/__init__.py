"""How spans, log lines and metrics leave the program: in the background, bounded, tried again, never waited for."""
