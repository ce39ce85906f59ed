"""The config's section `crop`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from renet.common.imdb_wiki import TABLE
from renet.config.section import Section

Margin = Annotated[float, Field(ge=0, le=2)]
Side = Annotated[int, Field(ge=8, le=4096)]

Size = Annotated[
    Side | Annotated[list[Side], Field(min_length=2, max_length=2)],
    # [128, 128] becomes 128, so that both forms are the same setting.
    AfterValidator(lambda size: size[0] if isinstance(size, list) and size[0] == size[1] else size),
]


class Crop(Section):
    """Cropping and resizing of the faces."""

    size: Size = 128
    """pixels: one number or [height, width]; the course's network needs multiples of 32"""
    margin: Margin = 0.4
    """margin on each side, as a fraction of the face's size; at most 0.4 for IMDB-WIKI's crops"""
    keep_shards: bool = True
    """false: saves space; then all faces are cropped again if split, corrections or hdf5 change"""

    @property
    def shape(self) -> list[int]:
        """[height, width] of the faces."""
        return self.size if isinstance(self.size, list) else [self.size, self.size]

    def spec(self, archive: Mapping[str, str | None]) -> dict:
        """Return the fields of `renet.faces.crop.CropSpec`, given an archive's `record`.

        Photos with the boxes of a .mat file are not turned by their EXIF orientation, because the
        boxes refer to photos that are not turned. Own crops are not trimmed: their margin is
        unknown.
        """
        own, whole = archive["database"] == TABLE, archive["photos"] != "crop"
        return {
            "size": self.shape,
            "margin": None if own and not whole else self.margin,
            "whole": whole,
            "turn": own or archive["photos"] == "detect",
            "detected": archive["detected"],
        }


def ready_made_margin(settings: Mapping) -> float | None:
    """Return the margin of a training's ready-made crops; None if all of them are own photos."""
    crop = Crop.model_validate(settings["crop"])
    specs = [crop.spec(archive) for archive in settings["archives"].values()]
    margins = {spec["margin"] for spec in specs if not spec["whole"]}
    return None if margins == {None} else crop.margin
