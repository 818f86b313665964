"""`emit_event` tells a user's browsers that something has changed, and `emit_to_topic` those that use a topic."""

import base64
import hashlib
import json
import logging
import re

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from .tokens import mark_ended

logger = logging.getLogger(__name__)

RESERVED = "_line"
# The maximum length of a frame that a browser reads, in characters.
LIMIT = 65_536
SECRET = re.compile(r"[\w./-]{1,100}", re.ASCII)
ORIGIN = re.compile(r"[\w-]{22}", re.ASCII)


def group_of(user_id):
    """The group of all browsers of a user. Hashed, since a group's name allows fewer characters than an id."""
    return "line." + hashlib.sha256(str(user_id).encode()).hexdigest()[:40]


def topic_group_of(topic):
    """The group of all browsers that have joined a topic. Its prefix is its own, so that no topic names a user's group."""
    return "topic." + hashlib.sha256(topic.encode()).hexdigest()[:40]


def origin_of(request):
    """
    What the events of a request say of it: a hash of the secret in its header, so that nobody who hears an event can make a
    request that has the same. None if there is no such header, or an invalid one.
    """
    secret = request.headers.get("x-partyline-origin", "")
    if not SECRET.fullmatch(secret):
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()[:22]


def emit_event(user_id, event, metadata=None, *, id=None, origin=None, spread_ms=None, using=None):
    """
    Tells all of a user's browsers, when the transaction commits; never if it rolls back.

    `metadata`: names the change, as a small JSON object: ids, not data.
    `id`: the event's number in your log, if you keep one.
    `origin`: `origin_of(request)`, so that the tab of this request does not refetch what it has.
    `spread_ms`: browsers spread their refetches over this many milliseconds.
    `using`: the database whose commit counts. Default: the default database.

    From async code: `await sync_to_async(emit_event)(…)`.
    """
    frame = _frame(event, metadata, {"id": id, "origin": origin, "spreadMs": spread_ms})
    _send_at_commit(group_of(user_id), event, {"type": "line.event", "frame": frame}, using)


def emit_to_topic(topic, event, metadata=None, *, origin=None, spread_ms=None, using=None):
    """The same, for all browsers that have joined a topic. It has no `id`: a log for replay is a user's own."""
    frame = _frame(event, metadata, {"origin": origin, "spreadMs": spread_ms})
    _send_at_commit(topic_group_of(topic), event, {"type": "line.event", "frame": frame}, using)


def end_session(user_id, session_id, *, using=None):
    """
    Ends the connections of a session and its tokens, when the transaction commits. Call it at the sign-out, with
    `session_id_of(request)` from before `logout`.
    """
    if session_id is not None:
        mark_ended(session_id)
        _send_at_commit(group_of(user_id), "line.end", {"type": "line.end", "session": session_id}, using)


def end_topic(user_id, topic, reason="not allowed any more", *, using=None):
    """Takes a user's browsers out of a topic, when the transaction commits. `may_join` has to refuse it by then."""
    message = {"type": "line.end_topic", "topic": topic, "reason": reason}
    _send_at_commit(group_of(user_id), "line.end_topic", message, using)


def _send_at_commit(group, what, message, using):
    transaction.on_commit(lambda: _send(group, what, message), using=using)


def _frame(event, metadata, envelope):
    """Text, made now: the caller may change its objects later."""
    if not isinstance(event, str) or not event or event.startswith(RESERVED):
        raise ValueError(f"an event needs a name, which may not begin with {RESERVED}: {event!r}")
    origin = envelope.get("origin")
    if origin is not None and not (isinstance(origin, str) and ORIGIN.fullmatch(origin)):
        raise ValueError("the origin has to be what origin_of(request) returned")
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or RESERVED in metadata:
        raise ValueError(f"the metadata of {event} has to be a dict without {RESERVED}: {metadata!r}")
    envelope = {name: value for name, value in envelope.items() if value is not None}
    try:
        frame = json.dumps({"event": event, "metadata": {**metadata, **({RESERVED: envelope} if envelope else {})}}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the metadata of {event} is not JSON: {error}") from error
    if len(frame) > LIMIT:
        raise ValueError(f"the metadata of {event} is too large: send the signal, not the data")
    return frame


def _send(group, what, message):
    try:
        async_to_sync(get_channel_layer().group_send)(group, message)
    except Exception:
        # The change is committed: an event that was not sent is no reason for an error page. When the channel layer is
        # back, the browsers reconnect and refetch.
        logger.exception("%s could not be sent", what)
