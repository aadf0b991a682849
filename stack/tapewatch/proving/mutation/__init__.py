"""The mutation test: whoever damages a rule must be caught by its proof."""

from tapewatch.proving.mutation._mutants import Mutant, mutants
from tapewatch.proving.mutation._report import MOST_EQUIVALENT, Marked, MutationReport
from tapewatch.proving.mutation._run import run_mutation

__all__ = ["MOST_EQUIVALENT", "Marked", "Mutant", "MutationReport", "mutants", "run_mutation"]
