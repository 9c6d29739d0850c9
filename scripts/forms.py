"""The form of a JSON document, and the first field that has another one. Pure.

A form is a type (str, int, bool), NUMBER, ANY, a tuple of alternatives with None for null, [form]
for a list, {"key": form} for an object whose other keys are ignored, or Map(form) for an object of
any keys. Optional(form) may be absent.

    forms.problem({"levels": ["a", 3]}, {"levels": [str]})    "levels[1]: must be a text"
"""

import dataclasses

import documents


@dataclasses.dataclass(frozen=True)
class Optional:
    form: object


@dataclasses.dataclass(frozen=True)
class Map:
    form: object


class _Number:
    pass


class _Any:
    pass


NUMBER, ANY = _Number(), _Any()
NAMES = {str: "a text", int: "a whole number", bool: "true or false", None: "null"}


def problem(value, form, where=""):
    """One line; None: the value has the form."""
    if isinstance(form, Optional):
        form = form.form
    if isinstance(form, tuple):
        found = [problem(value, one, where) for one in form]
        if None in found:
            return None
        # Of several forms, the one that is of the same kind has the better reason.
        deeper = [line for line in found if not line.startswith(f"{where or 'it'}: ")]
        return deeper[0] if deeper else _wrong(where, form)
    if isinstance(form, dict):
        return _object(value, form, where)
    if isinstance(form, Map):
        form = form.form
        items = value.items() if isinstance(value, dict) else None
        return _each(items, form, where, "an object", lambda key: _inside(where, key))
    if isinstance(form, list):
        items = enumerate(value) if isinstance(value, list) else None
        return _each(items, form[0], where, "a list", lambda at: f"{where}[{at}]")
    return None if _is(value, form) else _wrong(where, (form,))


def _object(value, form, where):
    if not isinstance(value, dict):
        return f"{where or 'it'}: must be an object"
    for key, inner in form.items():
        if key not in value:
            if isinstance(inner, Optional):
                continue
            return f"{_inside(where, key)}: missing"
        found = problem(value[key], inner, _inside(where, key))
        if found:
            return found
    return None


def _each(items, form, where, kind, name):
    if items is None:
        return f"{where or 'it'}: must be {kind}"
    found = (problem(one, form, name(key)) for key, one in items)
    return next(filter(None, found), None)


def _inside(where, key):
    return f"{where}.{key}" if where else str(key)


def _is(value, form):
    if form is ANY:
        return True
    if form is NUMBER:
        return documents.is_number(value)
    if form is None:
        return value is None
    if form is int and isinstance(value, bool):
        return False
    return isinstance(value, form)


def _wrong(where, several):
    names = [_name(form) for form in several]
    return f"{where or 'it'}: must be {' or '.join(names)}"


def _name(form):
    if isinstance(form, dict | Map):
        return "an object"
    if isinstance(form, list):
        return "a list"
    return "a number" if form is NUMBER else NAMES[form]
