"""Turn pydantic's errors in a config into sentences: the key, its value, and what is valid."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from renet.common.errors import InputError
from renet.config.schema import SECTIONS, Config
from renet.config.section import Section

NAME = "[key]"  # last part of an error's `loc` if a name that the user chose is not valid
EXAMPLES = {"archives": "own", "runs": "renet"}  # a name that a user could choose, by section
SECTION = "be a section with indented keys"
RULES = {
    "int_type": "be a whole number", "float_type": "be a number", "bool_type": "be true or false",
    "finite_number": "be a finite number", "string_type": "be text", "list_type": "be a list",
    "string_unicode": "be text in UTF-8",
    "dict_type": SECTION, "model_type": SECTION, "model_attributes_type": SECTION,
    "greater_than_equal": "be at least {ge:.15g}", "greater_than": "be above {gt:.15g}",
    "less_than_equal": "be at most {le:.15g}", "less_than": "be below {lt:.15g}",
    "int_parsing_size": "be below 1e18",
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
    "string_too_short": "have at least {min_length} letters",
    "literal_error": "be {expected}", "union_tag_invalid": "be one of {expected_tags}",
}  # fmt: skip
PATTERNS = {  # rule for a regular expression, by a part of the expression
    "(model|train)": "be a key of `model` or `train`, such as train.seed",
    "https?": "be a URL such as https://example.org/a.tar or {url}",
    "{32}": "be 32 hexadecimal digits",
    "{64}": "be 64 hexadecimal digits",
    "(?!(": "be letters, digits, _, . and -, and neither sample nor a name in results/data",
    "A-Z": "be letters, digits, _, . and -, and begin with a letter or digit",
    r"\s": "have no spaces or braces",
    "241": "be a path without braces, <, line breaks and names above 240 letters",
}
FAULTS: dict[str, Callable[..., str]] = {  # errors of the sections' own validators
    "repetition": "lists {value:.60} twice; remove one of them.".format,
    "contradictory_ages": "has a `min_age` above `max_age`; lower `min_age`.".format,
    "no_training_faces": (
        "leaves no face for the training, because `validation` and `test` add up to {held_out:g}; "
        "lower them so that their sum is below 1."
    ).format,
}

Key = tuple[str | int, ...]
Error = Mapping[str, Any]  # as pydantic lists it


def explain(error: ValidationError, value: object, parent: Key = ()) -> Iterator[str]:
    """Yield a sentence for each error in `value`: the config, or its part at the key `parent`."""
    found: dict[Key, list[Error]] = {}
    for fault in error.errors(include_url=False):
        found.setdefault(_key(fault, value), []).append(fault)
    inner = {key[:length] for key in found for length in range(len(key))}
    for key in [key for key in found if key not in inner]:
        text = _sentence((*parent, *key), found[key])
        yield text[0].upper() + text[1:]


def _key(error: Error, value: Any) -> Key:
    """Return the key of an error: its `loc` without the names of a union's members."""
    key: Key = ()
    for part in error["loc"]:
        names = {}  # `loc` has a number such as 1.5 as text
        if isinstance(value, Mapping):
            names = {form: name for name in value for form in (name, str(name))}
        if part in names:
            key, value = (*key, str(names[part])), value[names[part]]
        elif isinstance(value, list) and isinstance(part, int):
            key, value = (*key, part), value[part]
    return (*key, "kind") if error["type"] == "union_tag_invalid" else key


def _sentence(key: Key, errors: list[Error]) -> str:
    """Return the sentence on a key's value; `errors` has one error for each member of a union."""
    own = (error for error in errors if error["type"] in ("value_error", *FAULTS))
    first = next(own, errors[0])
    kind, place, value = (first[part] for part in ("type", "loc", "input"))
    if kind in FAULTS:
        return f"{dotted(key)} {FAULTS[kind](**first.get('ctx', {}))}"
    if kind == "value_error":
        error = first["ctx"]["error"]
        return f"{dotted(key)}{':' * isinstance(error, InputError)} {error}"
    if kind == "missing":
        return f"{dotted(key)} lacks {', '.join(_rule(error).split()[1] for error in errors)}."
    if kind in ("extra_forbidden", "invalid_key"):
        return _unknown_key(key, place, value)
    if place[-1:] == (NAME,):
        return f"{dotted(key)} is not a valid name; it must {_rule(first)}."
    value = value["kind"] if kind == "union_tag_invalid" else value
    return f"{dotted(key)} is {as_yaml(value)}, and must {' or '.join(map(_rule, errors))}."


def _unknown_key(key: Key, loc: Key, value: object) -> str:
    """Return the sentence on an unknown key, with similar keys of its section or of others."""
    *section, name = key
    known: list[str] = []  # keys of the section
    found: dict[str, tuple] = {}  # similar keys elsewhere: (whether equal, number of shared parts)
    given = as_yaml(value) if value and len(as_yaml(value)) <= 40 else "…"
    for place, fields in _sections(Config):
        pairs = zip(place, section, strict=False)
        fits = [part in (own, *EXAMPLES.values(), 0) for part, own in pairs]
        shared = [*fits, False].index(False)
        if shared == len(place) == len(section):
            if "kind" not in fields or fields["kind"].default in loc:
                known = [*fields]
        elif 0 not in place and (shared or not {*place[2:], name} & SECTIONS or place == ()):
            for similar in difflib.get_close_matches(str(name), fields, 1, cutoff=0.85):
                path = [*map(str, section[:shared]), *map(str, place[shared:]), similar]
                text = ": {".join(path) + f": {given}" + "}" * (len(path) - 1)
                found[f"`{text}`"] = similar == name, shared
    options = difflib.get_close_matches(str(name).lower(), known, 1)
    nearest = max(found.values(), default=(False,))
    if nearest[0] or not options:
        options += [text for text, near in found.items() if near == nearest]
    way_out = f"did you mean {' or '.join(options)}?" if options else f"it has {', '.join(known)}."
    return f"{dotted(tuple(section))} has no key {name!r:.60}; {way_out}"


def _sections(kind: Any, place: Key = ()) -> Iterator[tuple[Key, dict[str, FieldInfo]]]:
    """Yield (key, fields) of each section; a user's names are as in `EXAMPLES`, an index is 0."""
    if isinstance(kind, type) and issubclass(kind, Section):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        yield place, fields
        for name, field in fields.items():
            yield from _sections(field.annotation, (*place, name))
    named = EXAMPLES.get(str(place[-1]), "") if place else ""
    inner = {dict: (named,), list: (0,)}.get(get_origin(kind), ())
    for part in get_args(kind):
        yield from _sections(part, (*place, *inner))


def _rule(error: Error) -> str:
    """Return what a value must be or have: the end of a sentence, after "must"."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"have `{error['loc'][-1]}`"
    if kind == "string_pattern_mismatch":
        rule = next(rule for part, rule in PATTERNS.items() if part in context["pattern"])
        return rule.format(url=_file_url(error["input"]))
    return RULES[kind].format(**context).replace("'", "")


def _file_url(value: str) -> str:
    """Return the file URL of a path (a Windows path as WSL mounts it), or of an example."""
    path = re.sub("^file:/*", "/", value)
    if drive := re.match(r"/?([a-zA-Z]):[/\\]", path):
        path = f"/mnt/{drive[1].lower()}/{path[drive.end() :]}".replace("\\", "/")
    if not path or re.match(r"\w+:", path):
        return "file:///data/a.tar"
    return (Path(path).expanduser() if path[:2] == "~/" else Path(path).absolute()).as_uri()


def dotted(key: Key) -> str:
    """Return a key as text, such as `train.seed`, or entry 1 of `sources`."""
    if not key:
        return "The config"
    if entries := [place for place, part in enumerate(key) if isinstance(part, int)]:
        last = entries[-1]
        entry = f"entry {int(key[last]) + 1} of {dotted(key[:last])}"
        return f"{dotted(key[last + 1 :])} of {entry}" if key[last + 1 :] else entry
    text = ".".join(map(str, key))
    return f"`{text}`" if text.isprintable() else repr(text)


def as_yaml(value: object) -> str:
    """Return a value as YAML text, cut after 60 characters."""
    if value is None:
        return "empty"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    text = " ".join(text.removesuffix("...").split())  # YAML wraps some text
    return text if len(text) <= 60 else text[:57] + "…"
