"""Base of the config's sections, and the types of their keys.

The error messages are in sentences.py. No script imports that module, so that a changed message
repeats no job.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Keys with their defaults. Unknown keys, and text in place of a number, raise errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False,
        regex_engine="python-re", use_attribute_docstrings=True,
    )  # fmt: skip

    def replace(self, **changes: Any) -> Self:
        """Return a copy with changed values, which are not checked."""
        return self.model_copy(update=changes)

    @staticmethod
    def listed(value: str | list[str] | None) -> list[str]:
        """Return one value, a list of values or None as a list."""
        return value if isinstance(value, list) else [value] if value else []

    @staticmethod
    def paths(value: str | list[str] | None) -> list[str]:
        """Return one path, a list of paths or None as a list, with the home folder for each ~."""
        return [str(Path(path).expanduser()) for path in Section.listed(value)]


def _without_repetitions(values: list) -> list:
    for text, count in Counter(map(repr, values)).items():
        if count > 1:
            raise PydanticCustomError("repetition", "", {"value": text})
    return values


T = TypeVar("T")
Unique = Annotated[
    list[T], AfterValidator(_without_repetitions), Field(json_schema_extra={"uniqueItems": True})
]
Count = Annotated[int, Field(ge=1)]
Pair = Annotated[list[Count], Field(min_length=2, max_length=2)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Shards = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[float, Field(gt=0, lt=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
# Snakemake reads braces and < as patterns; <results> at the start is the folder of the results.
File = Annotated[str, Field(pattern=r"^(<results>)?(?!.*[^/]{241})[^{}<\n\r]{1,3000}$(?!\n)")]
Files = File | Annotated[list[File], Field(min_length=1)]
WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]*$(?!\n)"
Name = Annotated[str, Field(pattern=f"^{WORD}")]
# The name of a source or run; YAML reads a name such as 2024 as a number.
Named = Annotated[
    Text, BeforeValidator(lambda name: str(name) if type(name) is int else name),
    Field(json_schema_extra={"type": ["string", "integer"]}),
]  # fmt: skip
ABSENT: Any = None  # default of a key that may be missing, but not null
Gender = Literal["female", "male", "unknown"]
