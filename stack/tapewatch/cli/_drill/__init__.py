"""The subcommands of `tapewatch drill`."""
