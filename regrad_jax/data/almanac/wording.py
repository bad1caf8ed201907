"""Templates: which placeholders they hold, and how they become sentences."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# "a" before a vowel, except before "one" and "uni-". This is enough for our templates and word lists.
_ARTICLE = re.compile(r"\b([Aa])(?= (?:[aeio](?!ne\b)|u(?!ni|se|ti)))")


def placeholders(template: str) -> set[str]:
    """Returns the names of a template's placeholders.

    >>> sorted(placeholders("In {year} {name} opened."))
    ['name', 'year']
    """
    return set(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Returns a template with its values, with "an" where a vowel asks for it and a capital first letter.

    >>> fill("{name} is a {job}.", {"name": "the founder", "job": "organist"})
    'The founder is an organist.'
    """
    text = _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)
    text = _ARTICLE.sub(r"\1n", text)
    return text[:1].upper() + text[1:]


def short(name: str) -> str:
    """Returns how a text repeats a name: a full name by its last word, every other name as it is.

    >>> short("Maravik Dreltworth"), short("the Orsk dam")
    ('Dreltworth', 'the Orsk dam')
    """
    return name.split()[-1] if re.fullmatch(r"[A-Z]\w+ [A-Z]\w+", name) else name
