"""Makes the project of a new plugin: a package that works, with tests that pass, to be changed into what one wants."""

from tapewatch.newplugin._kinds import KINDS, Kind
from tapewatch.newplugin._project import project_files
from tapewatch.newplugin._write import write_project

__all__ = ["KINDS", "Kind", "project_files", "write_project"]
