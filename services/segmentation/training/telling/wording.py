"""The words that names of clusters are made of: for the values that filters and conditions name, and for features."""

import re
from collections.abc import Sequence

from services.segmentation.rules.nodes import Literal

LONGEST = 24
"""Letters of a value or a feature's name that come into a name."""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "weekday", "weekend")
_TIMES_OF_DAY = ("early", "late", "morning", "lunchtime", "noon", "afternoon", "evening", "night", "daytime")
_FIELD_ENDINGS = ("_id", "_name", "_code")
_VERBS = ("is ", "are ", "on ", "has ", "in ", "from ")


def is_time_of_day(words: str) -> bool:
    return all(word in (*_TIMES_OF_DAY, *_DAYS) for word in words.lower().split())


def topic_words(field: str, any_of: Sequence[Literal], feature: str) -> str:
    """What a filter keeps; a long list is what the marketer calls the feature."""
    return feature_words(feature) if len(any_of) > 2 else " or ".join(_value_words(field, each) for each in any_of)


def values_words(field: str, any_of: Sequence[Literal], feature: str) -> str:
    """As `topic_words`, of a feature that asks for these values alone: its name tells what a code does not."""
    is_code = any(_is_code(str(each.value)) for each in any_of)
    return feature_words(feature) if is_code else topic_words(field, any_of, feature)


def field_words(field: str) -> str:
    """`category` for `context.page.category`, `item` for `item_id`."""
    name = field.rpartition(".")[2]
    for ending in _FIELD_ENDINGS:
        name = name.removesuffix(ending)
    return _short(_plain(name) or field)


def feature_words(name: str) -> str:
    words = _plain(name)
    return _short(next((words.removeprefix(verb) for verb in _VERBS if words.startswith(verb)), words))


def several(field: str) -> str:
    words = field_words(field)
    return f"{words[:-1]}ies" if re.search(r"[^aeiou]y$", words) else f"{words}{'es' if words[-1] in 'sx' else 's'}"


def _value_words(field: str, literal: Literal) -> str:
    """`category 412` for what says nothing alone, the last part for a path of categories."""
    text = _plain(str(literal.value))
    if literal.value is True:
        return field_words(field)
    if not text or literal.kind in ("boolean", "none"):
        return f"no {field_words(field)}"
    if _is_code(text):
        return _short(f"{field_words(field)} {text}")
    return _short(re.split(r"[/>.]", text)[-1].strip() or text)


def _is_code(text: str) -> bool:
    digits, letters = (sum(map(test, text)) for test in (str.isdigit, str.isalpha))
    return digits >= letters and digits > 0


def _plain(text: str) -> str:
    """One line of what can be printed."""
    return " ".join("".join(each if each.isprintable() else " " for each in text.replace("_", " ")).split())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
