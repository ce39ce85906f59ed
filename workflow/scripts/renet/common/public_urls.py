"""URLs without what can be a secret: user and password, a signature or token in the query."""

import re

USER_INFO = re.compile(r"(?<=://)[^/?#]*@")


def without_user_info(url: str) -> str:
    return USER_INFO.sub("", url)


def public(url: str) -> str:
    """A URL as files for sharing may show it: without user info, query and fragment."""
    return re.split("[?#]", without_user_info(url), maxsplit=1)[0]


def in_text(text: str) -> str:
    """A text, such as an error, with all its URLs as they may be shown."""
    return re.sub(r"https?://\S+", lambda found: public(found[0]), text)
