"""The service catalogue: its model, its loader and what must hold in it."""

from tapewatch.catalogue.load import Loaded, load, load_text
from tapewatch.catalogue.model import Catalogue, Service
from tapewatch.schema import seconds

__all__ = ["Catalogue", "Loaded", "Service", "load", "load_text", "seconds"]
