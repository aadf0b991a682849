"""What every YAML format of tapewatch shares: scalar types, and problems made from what pydantic says."""

from tapewatch.schema.explain import problem_of
from tapewatch.schema.nearest import nearest
from tapewatch.schema.types import Duration, Model, Name, seconds

__all__ = ["Duration", "Model", "Name", "nearest", "problem_of", "seconds"]
