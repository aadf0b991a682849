"""The subcommands of `tapewatch history`, one file each."""
