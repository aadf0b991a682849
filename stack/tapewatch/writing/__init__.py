"""Generated files: compared with what is on disk, and written so that the old set or the new set is there.

How a set gets onto the disk (`apply`):

1. Everything is compared first: files edited by hand, files of other people, paths that lead out of the root, folders
   in the way. If anything is wrong nothing is touched.
2. New contents are staged in `.tapewatch/staging-*` on the same file system and flushed. A full disk is found here.
3. A journal is renamed to `.tapewatch/journal.json`: the commit point. Killed before it, the old set stands and the
   staging folder is cleared away by the next run. Killed after it, `recover` completes the new set.
4. Staged files are renamed into place one by one; folders keep their identity, because containers mount them. This
   takes milliseconds and is done by a process of its own session, so that killing the command does not stop it.
5. Files that left the set are removed, with the folders that they leave empty; then the journal.

So a command that reads or writes the files calls `recover` first. Besides that only a power cut, or a kill of all
processes at once within those milliseconds, leaves a mixture, and that only until the next command.

A committed manifest (`provisioning/manifest.json`) holds the SHA-256 of each file as it was generated. A file whose
content is neither that nor the new content was edited by hand. Line ends do not count: a checkout that turned LF into
CRLF is neither a change nor an edit, and such a file is left as it is until its content changes.
"""

from tapewatch.writing._apply import apply
from tapewatch.writing._clear import clear
from tapewatch.writing._compare import Changes, FileSet, compare
from tapewatch.writing._failures import disk_problems
from tapewatch.writing._journal import recover
from tapewatch.writing._manifest import MANIFEST
from tapewatch.writing._reading import generated
from tapewatch.writing._single import write_whole

__all__ = [
    "MANIFEST", "Changes", "FileSet", "apply", "clear", "compare", "disk_problems", "generated", "recover",
    "write_whole",
]  # fmt: skip
