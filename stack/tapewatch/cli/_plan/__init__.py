"""The subcommands of `tapewatch plan`."""
