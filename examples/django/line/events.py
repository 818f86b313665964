"""`emit_event` tells a user's browsers that something has changed."""

import hashlib
import json
import logging
import re

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

RESERVED = "_line"
# The most characters of a frame that a browser reads.
LIMIT = 65_536
ORIGIN = re.compile(r"[\w./-]{1,100}", re.ASCII)


def group_of(user_id):
    """The group of all of a user's browsers. Hashed, since a group's name may hold less than an id may."""
    return "line." + hashlib.sha256(str(user_id).encode()).hexdigest()[:40]


def origin_of(request):
    """The name that a tab gave its request; None if it gave none, or one that can't be."""
    origin = request.headers.get("x-partyline-origin", "")
    return origin if ORIGIN.fullmatch(origin) else None


def emit_event(user_id, event, metadata=None, *, id=None, origin=None, spread=None, using=None):
    """
    Tells all of a user's browsers, when the transaction commits; never if it rolls back.

    `metadata`: what has changed, as a small JSON object: ids, not data.
    `id`: the event's number in your log, if you keep one.
    `origin`: `origin_of(request)`, so that the tab that asked need not fetch what it has.
    `spread`: over how many milliseconds browsers spread their fetches.
    `using`: the database whose commit counts; the default one if left out.

    From async code: `await sync_to_async(emit_event)(…)`.
    """
    group, frame = group_of(user_id), _frame(event, metadata, {"id": id, "origin": origin, "spread": spread})
    transaction.on_commit(lambda: _send(group, event, frame), using=using)


def _frame(event, metadata, mark):
    """As text, now: what the caller does to its objects later changes nothing."""
    if not isinstance(event, str) or not event or event.startswith(RESERVED):
        raise ValueError(f"an event needs a name, which may not begin with {RESERVED}: {event!r}")
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or RESERVED in metadata:
        raise ValueError(f"the metadata of {event} has to be a dict without {RESERVED}: {metadata!r}")
    mark = {name: value for name, value in mark.items() if value is not None}
    try:
        frame = json.dumps({"event": event, "metadata": {**metadata, **({RESERVED: mark} if mark else {})}}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the metadata of {event} is not JSON: {error}") from error
    if len(frame) > LIMIT:
        raise ValueError(f"the metadata of {event} is too large: send the signal, not the data")
    return frame


def _send(group, event, frame):
    try:
        async_to_sync(get_channel_layer().group_send)(group, {"type": "line.event", "frame": frame})
    except Exception:
        # The change is made: that nobody could be told is no reason for an error page. When the channel layer is back,
        # so are the browsers' connections, and then they refetch.
        logger.exception("the event %s could not be sent", event)
