"""The config's section `filter`."""

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from renet.config.section import Section


class RowFilter(Section):
    """Which rows of the .mat files are used. Rows without a known gender or without a face are
    always dropped. The age limits also apply to your own photos."""

    min_face_score: float = 1.0
    """lowest score of the face detector; 1 is usual for IMDB-WIKI"""
    allow_second_face: bool = False
    """true: keeps photos with a second face, whose label is ambiguous"""
    min_age: float = 0.0
    """lowest age in years when the photo was taken; wrong dates in WIKI give ages of -74 to
    1,996 years"""
    max_age: float = 100.0
    """highest age in years"""

    @model_validator(mode="after")
    def has_ages(self) -> Self:
        """Raise an error if `min_age` is above `max_age`."""
        if self.min_age > self.max_age:
            raise PydanticCustomError("contradictory_ages", "")
        return self
