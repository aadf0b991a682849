"""Chance that can be looked up: the n-th draw of a stream is a function of the seed, the stream's name and n alone.

So every process of the platform sees the same market without telling each other, and one that is started anew goes on
where it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b
from random import Random

__all__ = ["Draws", "Outcomes", "Spread"]

_MASK = (1 << 64) - 1


class Draws:
    """Independent draws, each by its number.

    Parameters:
        seed: of the whole simulation.
        name: of the stream; streams of other names know nothing of each other.
    """

    def __init__(self, seed: int, name: str) -> None:
        digest = blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
        self._seed = int.from_bytes(digest, "little")

    def unit(self, number: int) -> float:
        """The draw of that number, from 0 up to but not 1 (splitmix64)."""
        mixed = (self._seed + number * 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53


class Outcomes:
    """One outcome for each number, by shares that every hundred numbers keep exactly, and evenly.

    Chance alone would now and then reject ten orders in a row, or the first, and an alert at rest would be right to
    fire. So a hundred is cut into as many parts as it has unusual outcomes, and each part has one in its second half.

    Parameters:
        draws: the stream.
        shares: of a hundred, how many have which outcome; what is left over has `usual`.
        usual: the outcome of most.
    """

    def __init__(self, draws: Draws, shares: Mapping[str, int], usual: str) -> None:
        self._draws = draws
        self._unusual = [name for name, count in shares.items() for _ in range(count)]
        self._usual = usual
        self._part = 100 // len(self._unusual)
        self._hundred = -1
        self._places: dict[int, str] = {}

    def of(self, number: int) -> str:
        """The outcome of a number."""
        hundred, place = divmod(number, 100)
        if hundred != self._hundred:
            self._hundred = hundred
            self._places = self._placed(hundred)
        return self._places.get(place, self._usual)

    def _placed(self, hundred: int) -> dict[int, str]:
        """The unusual outcomes of a hundred by their places."""
        first, count = 100 * hundred, len(self._unusual)
        order = sorted(range(count), key=lambda each: self._draws.unit(first + each))
        late = [0.5 + self._draws.unit(first + count + part) / 2 for part in range(count)]
        return {int((part + late[part]) * self._part): self._unusual[each] for part, each in enumerate(order)}


class Spread:
    """Times as they are measured: around a middle, never below 0, now and then a longer one.

    Parameters:
        seed: of the whole simulation.
        name: of the stream.
        middle: the median.
        sigma: of the logarithm; the 99th percentile is `middle * exp(2.33 * sigma)`.
    """

    def __init__(self, seed: int, name: str, middle: float, sigma: float = 0.25) -> None:
        self._random = Random(f"{seed}/{name}")  # noqa: S311 -- simulated, no secret
        self.middle = middle
        self._mu = math.log(middle)
        self._sigma = sigma

    def next(self, middle: float = 0.0) -> float:
        """The next one; around another middle if one is given."""
        value = self._random.lognormvariate(self._mu, self._sigma)
        return value * middle / self.middle if middle else value
