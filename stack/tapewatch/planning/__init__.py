"""What a change of the catalogue means, in the words of somebody who operates it."""

from tapewatch.planning.changes import Action, Change, Plan
from tapewatch.planning.compare import compare_files
from tapewatch.planning.sources import files_at_revision, files_on_disk

__all__ = ["Action", "Change", "Plan", "compare_files", "files_at_revision", "files_on_disk"]
