"""What must hold between the parts of a catalogue, beyond the type of each; one file a part."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._addresses import ADDRESSES_CHECKS
from tapewatch.catalogue.validation._delivery import DELIVERY_CHECKS
from tapewatch.catalogue.validation._families import FAMILIES_CHECKS
from tapewatch.catalogue.validation._high_availability import HIGH_AVAILABILITY_CHECKS
