"""Subjects: the person on a photo, or a substitute for a person who is not recorded.

A subject is a normalised name, an id such as `imdb:7`, or the photo itself, `own:/garden/1.jpg`.
"""

import itertools
import unicodedata

import numpy as np
import pandas as pd

# Scripts in which marks are accents or optional vowel points, as Unicode names their letters.
OPTIONAL_MARKS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
OF_PHOTO = r"[\w.:-]+:/"  # a name has neither a colon nor a slash
# Letters that Unicode does not decompose into a letter and an accent.
FOLDED = str.maketrans("łøđðıħŧ", "loddiht") | {ord("æ"): "ae", ord("œ"): "oe", ord("þ"): "th"}
SUFFIXES = ("jr", "sr", "ii", "iii", "iv")  # after a comma, and no given names


def photo_subjects(source: str, paths: pd.Series) -> pd.Series:
    """Subjects of photos without a recorded person: each photo is its own subject."""
    return f"{source}:/" + paths


def are_photos(subjects: pd.Series) -> pd.Series:
    """Whether each subject is a photo without a recorded person."""
    return subjects.str.match(OF_PHOTO)


def counts(subjects: pd.Series) -> dict[str, int]:
    """Number of `subjects`, and of the `unnamed_photos` among them."""
    distinct = subjects.drop_duplicates()
    return {"subjects": len(distinct), "unnamed_photos": int(are_photos(distinct).sum())}


def effective_number(subjects: pd.Series | np.ndarray) -> float:
    """Effective number of people, (Σn)² / Σn², where a person has n faces (Kish, 1965)."""
    photos = np.bincount(pd.factorize(subjects)[0])
    return float(photos.sum() ** 2 / (photos**2).sum())


def normalised_name(name: str) -> str:
    """A name in one order, without accents, case, punctuation and spaces between initials.

    `Dürer,  A.` and `A. Dürer` are `a durer`; `J. R. Smith, Jr.` is `jr smith jr`. Without a comma
    the order of the words stays: John Avery is not Avery John. In scripts without
    `OPTIONAL_MARKS`, marks stay, because names can differ by them alone, as राम and रोम.
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
    """A text without accents, case, punctuation and doubled spaces."""
    letters, base = [], " "
    for character in unicodedata.normalize("NFKD", text):
        if not unicodedata.category(character).startswith("M"):
            base = character if character.isalnum() else " "
            letters.append(base)
        elif base != " " and not unicodedata.name(base, "").startswith(OPTIONAL_MARKS):
            letters.append(character)
    return " ".join("".join(letters).casefold().translate(FOLDED).split())
