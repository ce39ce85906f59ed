"""Sentence of each error that pydantic finds in a config.

A sentence names the key as a dotted path, what is wrong, and the nearest valid form.
"""

import difflib
import re
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from renet.common.errors import InputError
from renet.config.model import KINDS
from renet.config.schema import Config
from renet.config.section import Section

NAME = "[key]"  # the end of the place of an error in a name that the user chooses
UNKNOWN = ("extra_forbidden", "invalid_key")
SECTION = "a section with indented keys"
TYPES = {
    "int_type": "a whole number", "float_type": "a number", "finite_number": "a finite number",
    "bool_type": "true or false", "string_type": "text", "list_type": "a list",
    "dict_type": SECTION, "model_type": SECTION, "model_attributes_type": SECTION,
}  # fmt: skip
RULES = {
    "greater_than_equal": "be at least {ge:.15g}", "greater_than": "be above {gt:.15g}",
    "less_than_equal": "be at most {le:.15g}", "less_than": "be below {lt:.15g}",
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
}  # fmt: skip

Key = tuple[str | int, ...]
Error = Mapping[str, Any]  # as pydantic lists it


def explain(error: ValidationError, value: object, parent: Key = ()) -> Iterator[str]:
    """Sentence of each error in a value, the config or the part under a key."""
    found: dict[Key, list[Error]] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_key(one, value), []).append(one)
    parents = {key[:length] for key in found for length in range(len(key))}
    for key, errors in found.items():
        # In a union, an error beside that of the type tells which choice the value is meant to be.
        others = [one for one in errors if one["loc"][-1:] == (NAME,) or not _wanted(one)]
        if told := others or ([] if key in parents else errors):
            text = _sentence((*parent, *key), told)
            yield text[0].upper() + text[1:]


def _key(error: Error, value: Any) -> Key:
    """Key of an error, whose place also names the choices of unions."""
    place, is_unknown = error["loc"], error["type"] in UNKNOWN
    key: Key = ()
    for part in place[:-1] if is_unknown else place:
        names = {}  # a number such as 1.5 is text in the place
        if isinstance(value, Mapping):
            names = {form: name for name in value for form in (name, str(name))}
        if part in names:
            key, value = (*key, str(part)), value[names[part]]
        elif isinstance(value, list) and isinstance(part, int):
            key, value = (*key, part), value[part]
    if error["type"].startswith("union_tag"):
        return (*key, "kind")
    return (*key, str(place[-1])) if is_unknown else key


def _sentence(key: Key, errors: list[Error]) -> str:
    """The sentence on the value of a key: what is wrong, and how to write it."""
    kind, place, value = (errors[0][part] for part in ("type", "loc", "input"))
    context = errors[0].get("ctx", {})
    if kind in UNKNOWN:
        return _unknown_key(key, place)
    if kind == "value_error":
        error = context["error"]
        return f"{dotted(key)}{':' * isinstance(error, InputError)} {error}"
    if kind == "missing":
        return f"{dotted(key)} lacks {_listed([str(one['loc'][-1]) for one in errors])}."
    if place[-1] == NAME and kind == "string_type":
        name = f"{shown(value)} under {dotted(key[:-1])}"
        return f'YAML does not read the name {name} as text; write "{shown(value)}".'
    if place[-1] == NAME and kind == "literal_error":
        return f"{dotted(key)} is not a key of the config; the keys are {_wanted(errors[0])}."
    if place[-1] == NAME:
        also = "; the name sample is taken" if key[0] == "archives" else ""
        return (
            f"{dotted(key)} is not a valid name; it must be text that begins with a letter or "
            f"digit and continues with letters, digits, _, . or -{also}."
        )
    if kind.startswith("union_tag"):
        value = value["kind"]
    return f"{dotted(key)} is {shown(value)}, {_rule(key, value, errors)}"


def _rule(key: Key, value: Any, errors: list[Error]) -> str:
    """Valid values, as the end of a sentence."""
    kind, context = errors[0]["type"], errors[0].get("ctx", {})
    if kind in ("too_short", "string_too_short", "string_pattern_mismatch") and not value:
        return "and must not be empty."
    if kind in RULES:
        return f"and must {RULES[kind].format(**context)}."
    if kind == "string_pattern_mismatch":
        return _pattern_rule(str(value), context["pattern"])
    declared, description = _declared(key)
    wanted = [text for one in errors if (text := _wanted(one))]
    wanted += ["null"] if type(None) in typing.get_args(declared) else []
    if len(errors) > 1 or (wanted == [TYPES["list_type"]] and not isinstance(value, str)):
        return (
            f"and must be {' or '.join(wanted)}. The key's description: {description.rstrip('.')}."
        )
    if "," in wanted[0]:
        given = str(value).lower() or "-"
        near = " or ".join(one for one in wanted[0].split(", ") if one.startswith(given))
        return f"and must be one of {wanted[0]}{f'; did you mean {near}?' if near else '.'}"
    way_out = "."
    if wanted == [TYPES["list_type"]]:
        way_out = f"; write [{shown(value)}]."
    elif isinstance(value, int | float) and wanted[0] == TYPES["string_type"]:
        way_out = f'; write "{shown(value)}".'
    return f"and must be {' or '.join(wanted)}{way_out}"


def _wanted(error: Error) -> str | None:
    """Type or the values that are valid, for an error in these; None for other errors."""
    context = error.get("ctx", {})
    expected = context.get("expected", context.get("expected_tags", ""))
    return expected.replace(" or ", ", ").replace("'", "") or TYPES.get(error["type"])


def _pattern_rule(value: str, pattern: str) -> str:
    if pattern.startswith("^(https?://"):
        if "://" not in value:
            path = Path(value).expanduser().absolute()
            return f"which is a path and not a URL; write file://{path}."
        return "and must be a URL such as https://example.org/a.tar or file:///data/a.tar."
    if digits := re.search(r"F\]\{(\d+)\}", pattern):
        return f"and must be {digits[1]} hexadecimal digits."
    unwanted = "spaces" if r"\s" in pattern else "braces, <, line breaks or names above 240 letters"
    return f"and must have no {unwanted}."


def _unknown_key(key: Key, place: Sequence) -> str:
    """Sentence about a key that its section lacks; `place` has also the kind of a network."""
    name = str(key[-1]).lower()
    kind = place[-2] if key[-2:-1] == ("model",) and place[-2] in KINDS else None
    sections = [KINDS[kind]] if kind else [*_sections_in(_declared(key[:-1])[0])]
    for section in sections:
        if name in section.removed:
            return f"{dotted(key)} was removed: {section.removed[name]}; remove the key."
    known = _fields(sections)
    near = [(*key[:-1], match) for match in _similar(name, known)]
    if not near:  # perhaps a key of one of the sections inside
        inner = {one: _fields(_sections_in(known[one].annotation)) for one in known}
        match = _similar(name, [key for keys in inner.values() for key in keys])
        near = [(*key[:-1], each, one) for each in inner for one in match if one in inner[each]]
    way_out = f"did you mean {' or '.join(map(dotted, near))}?"
    if not near:
        way_out = f"the keys are {_listed(known)}."
    return (
        f"{dotted(key)} is not a key of {f'the kind {kind}' if kind else 'the config'}; {way_out}"
    )


def _similar(name: str, known: Collection[str]) -> list[str]:
    """Key that a name may mean, as a short form such as lr or by its letters."""
    initials = {"".join(word[0] for word in one.split("_")): one for one in known if "_" in one}
    return [initials[name]] if name in initials else difflib.get_close_matches(name, known, 1)


def _declared(key: Key) -> tuple[Any, str]:
    """Declared type of a key, and its description."""
    declared: Any = Config
    description = ""
    for part in key:
        if isinstance(part, int) or typing.get_origin(declared) is dict:
            declared = (typing.get_args(declared) or (None,))[-1]
        else:
            field = _fields(_sections_in(declared)).get(part)
            declared = field.annotation if field else None
            description = field.description or "" if field else ""
    return declared, " ".join(description.split())


def _sections_in(declared: Any) -> Iterator[type[Section]]:
    if isinstance(declared, type) and issubclass(declared, Section):
        yield declared
    for part in typing.get_args(declared):
        yield from _sections_in(part)


def _fields(sections: Iterable[type[Section]]) -> dict[str, Any]:
    """Fields of sections by their keys."""
    fields = [one.model_fields.items() for one in sections]
    return {field.alias or name: field for named in fields for name, field in named}


def dotted(key: Key) -> str:
    """A key as a path; an entry of a list by its number from 1."""
    if not key:
        return "The config"
    if entries := [place for place, part in enumerate(key) if isinstance(part, int)]:
        last = entries[-1]
        entry = f"entry {int(key[last]) + 1} of {dotted(key[:last])}"
        return f"{dotted(key[last + 1 :])} of {entry}" if key[last + 1 :] else entry
    text = ".".join(map(str, key))
    return f"`{text}`" if text.isprintable() else repr(text)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def shown(value: object) -> str:
    """A value as YAML text, short enough for a sentence."""
    if value is None:
        return "empty"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    text = " ".join(text.removesuffix("...").split())  # YAML wraps some text
    return text if len(text) <= 60 else text[:57] + "…"
