"""Subjects: the person on a photo, or a substitute if the person is unknown.

A subject is a normalised name, an id such as `imdb:7`, or the photo itself, `own:/garden/1.jpg`.
"""

import itertools
import unicodedata

import numpy as np
import pandas as pd

# Scripts whose marks are accents or optional vowels, as Unicode's letter names begin.
OPTIONAL_MARKS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
OF_PHOTO = r"[\w.:-]+:/"  # a name has neither a colon nor a slash
# Letters that Unicode does not decompose into a letter and an accent.
FOLDED = str.maketrans("łøđðıħŧ", "loddiht") | {ord("æ"): "ae", ord("œ"): "oe", ord("þ"): "th"}
SUFFIXES = ("jr", "sr", "ii", "iii", "iv")  # after a comma, these are not given names


def photo_subjects(source: str, paths: pd.Series) -> pd.Series:
    """Return the subjects of photos of unknown people: each photo is its own subject."""
    return f"{source}:/" + paths


def are_photos(subjects: pd.Series) -> pd.Series:
    """Whether each subject is a photo of an unknown person."""
    return subjects.str.match(OF_PHOTO)


def counts(subjects: pd.Series) -> dict[str, int]:
    """Count the distinct `subjects`, and the `unnamed_photos` among these subjects."""
    distinct = subjects.drop_duplicates()
    return {"subjects": len(distinct), "unnamed_photos": int(are_photos(distinct).sum())}


def effective_number(subjects: pd.Series | np.ndarray) -> float:
    """Return the effective number of people, (Σn)² / Σn², for n faces per person (Kish, 1965)."""
    photos = np.bincount(pd.factorize(subjects)[0])
    return float(photos.sum() ** 2 / (photos**2).sum())


def normalised_name(name: str) -> str:
    """Return a name, given names first, without accents, case, punctuation and spaced initials.

    `Dürer,  A.` and `A. Dürer` become `a durer`; `J. R. Smith, Jr.` becomes `jr smith jr`. Without
    a comma, words keep their order: John Avery is not Avery John. In scripts not in
    `OPTIONAL_MARKS`, marks are kept, because two names can differ only by marks, as राम and रोम.
    """
    parts = [words for part in name.split(",") if (words := plain_words(part))]
    suffixes = [words for words in parts[1:] if words in SUFFIXES]
    others = [words for words in parts if words not in suffixes]
    if len(others) == 2:
        others.reverse()
    ordered = " ".join([*others, *suffixes]).split()
    runs = itertools.groupby(ordered, lambda word: len(word) == 1 and word.isalpha())
    return " ".join(("" if are_initials else " ").join(run) for are_initials, run in runs)


def plain_words(text: str) -> str:
    """Return a text without accents, case, punctuation and doubled spaces."""
    letters, base = [], " "
    for character in unicodedata.normalize("NFKD", text):
        if not unicodedata.category(character).startswith("M"):
            base = character if character.isalnum() else " "
            letters.append(base)
        elif base != " " and not unicodedata.name(base, "").startswith(OPTIONAL_MARKS):
            letters.append(character)
    return " ".join("".join(letters).casefold().translate(FOLDED).split())
