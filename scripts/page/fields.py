"""Fields of JSON documents that may have any shape. Pure.

A field that is missing or has another type than expected counts as absent: None, or an empty list.
"""

from documents import is_number


def at(document, *keys):
    """document[key][key]..., or None as soon as a key is missing."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def number_at(document, *keys):
    value = at(document, *keys)
    return value if is_number(value) else None


def list_at(document, *keys):
    value = at(document, *keys)
    return value if isinstance(value, list) else []


def text_at(document, *keys):
    """Text that is not empty, or None."""
    value = at(document, *keys)
    return value.strip() or None if isinstance(value, str) else None
