"""The config's section `split`."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from renet.config.section import File, Section, Seed, Share


class SplitSettings(Section):
    """The split into validation set, test set, and training set (all other faces)."""

    validation: Share = 0.1
    """fraction of the faces in the validation set"""
    test: Share = 0.1
    """fraction of the faces in the test set; with fewer than 1,000 photos, add `folds` to a run"""
    by: Literal["subject", "image"] = "subject"
    """subject: a person is in one subset; image: a person can be in several, as in the course"""
    near_duplicates: bool = True
    """scaled, compressed or watermarked copies of a photo stay in one subset"""
    seed: Seed = 42
    """seed of the subsets and of the order of the faces"""
    allow_leaks: bool = False
    """true: subsets that you or an archive prescribe may share a person, photo or copy"""
    from_: File | None = Field(default=None, alias="from")
    """path of an earlier split.csv, whose faces keep their subsets"""

    @model_validator(mode="after")
    def has_training_faces(self) -> Self:
        """Raise an error if the fractions add up to 1 or more."""
        held_out = self.validation + self.test
        if held_out >= 1:
            raise PydanticCustomError("no_training_faces", "", {"held_out": held_out})
        return self
