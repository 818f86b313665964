"""What a request may hold. Each function gives the value, or throws a ValueError."""

import json

# The largest id that a database's column holds.
MAX_ID = 2**63 - 1
# No number that a request may hold is longer.
MAX_ID_DIGITS = 19


def body_of(request):
    try:
        body = json.loads(request.body)
    except RecursionError:
        raise ValueError from None
    if not isinstance(body, dict):
        raise ValueError
    return body


def row_id(value):
    """An id, as a number or as the text that the API gives it as."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MAX_ID_DIGITS:
        value = int(value)
    # Not a float: 1e999 is infinite. Not a bool, which is an int.
    if type(value) is not int or not 0 <= value <= MAX_ID:
        raise ValueError
    return value


def text(value):
    if not isinstance(value, str):
        raise ValueError
    value = value.strip()
    # No control characters, and no halves of a character, which no database takes.
    if not 0 < len(value) <= 60 or not value.isprintable():
        raise ValueError
    return value


def cents(value):
    if type(value) is not int or not 0 < value <= 100_000_000:
        raise ValueError
    return value
