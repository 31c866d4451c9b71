"""The least age for a game, from its content rating.

A game's OARS rating (https://hughsie.github.io/oars/) gives a degree to each kind of content. AppStream's library knows
the age that goes with each degree (`as_content_rating_attribute_to_csm_age`, by the research of Common Sense Media), and
the highest of them is the game's. We ask the library, so its table is not ours to keep.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from typing import Callable

MAX_AGE = 21
_DEGREES = {"none": 1, "mild": 2, "moderate": 3, "intense": 4}  # AsContentRatingValue

# What this rates, OARS rates a second time as nudity and sexual themes. Who somebody loves has no age.
_NOT_COUNTED = {"sex-homosexuality"}


class LibraryMissing(Exception):
    """AppStream's library is not installed."""


def minimum_age(rating: dict[str, dict[str, str]], age_of: Callable[[str, int], int] | None = None) -> int:
    """Years; 0 without a rating. `rating` is the `ContentRating` of a component, `age_of` answers instead of the library."""
    age_of = age_of or _appstream_age
    ages = [
        age_of(content, _DEGREES[degree])
        for scheme, contents in rating.items()
        if scheme.startswith("oars-")
        for content, degree in contents.items()
        if degree in _DEGREES and content not in _NOT_COUNTED
    ]
    return min(max(ages, default=0), MAX_AGE)


def _appstream_age(content: str, degree: int) -> int:
    return _library_function()(content.encode(), degree)


@functools.cache
def _library_function():
    name = ctypes.util.find_library("appstream")
    if name is None:
        raise LibraryMissing("libappstream is missing, it comes with the package appstream")
    function = ctypes.CDLL(name).as_content_rating_attribute_to_csm_age
    function.argtypes = [ctypes.c_char_p, ctypes.c_int]
    function.restype = ctypes.c_uint
    return function
