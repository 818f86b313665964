"""The server's end of the browser's one WebSocket. docs/protocol.md describes the wire."""

import asyncio
import json
import logging
import time

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from .events import LIMIT, group_of, topic_group_of
from .tokens import Refused, check_session, read_token

logger = logging.getLogger(__name__)

# Close codes. A refusal: the browser comes back with other credentials, later and later.
UNAUTHORIZED = 4401
# A refusal that is final: the browser does not come back by itself.
FORBIDDEN = 4403
# Accidents: the browser comes back as after a lost connection.
NO_CREDENTIALS = 4408
TRY_AGAIN_LATER = 1013
# A machine that slept does not end sessions late by more than this (seconds): its timers slept too.
MAX_SLEEP_SECONDS = 60
# Of one connection; and the longest name, in characters.
MAX_TOPICS = 500
# What the tabs of one connection have sent and `hear` has not answered.
MAX_HEARD = 500
MAX_TOPIC_LENGTH = 200


class LineConsumer(AsyncWebsocketConsumer):
    group = None
    user_id = None
    session_id = None
    over = False
    timer = None

    async def connect(self):
        self.topics, self.heard = set(), set()
        # A browser takes a refusal before this for an accident.
        await self.accept()
        timeout = getattr(settings, "LINE_PATIENCE_SECONDS", 30)
        self.at(time.time() + timeout, lambda: self.end(NO_CREDENTIALS, "no credentials were sent"))

    async def receive(self, text_data=None, bytes_data=None):
        event, data, number = read_frame(text_data)
        metadata = data if isinstance(data, dict) else {}
        if self.over:
            return
        if event == "_line:ping":
            await self.say("_line:pong")
        elif event == "_line:auth":
            await self.authenticate(metadata)
        elif event in ("_line:join", "_line:leave"):
            await self.change_topics(event == "_line:join", metadata)
        elif is_name(event) and self.user_id is not None:
            if len(self.heard) >= MAX_HEARD:
                await self.acknowledge(number, {"ok": False, "code": "too-many", "message": "too much was sent"})
                return
            # A task of its own: the connection does not wait for it.
            task = asyncio.ensure_future(self.answer(event, data, number))
            self.heard.add(task)
            task.add_done_callback(self.heard.discard)

    async def answer(self, event, data, number):
        try:
            answer = await self.hear(self.user_id, event, data)
        except Exception:
            logger.exception("what a tab has sent could not be answered: %r", event)
            answer = {"ok": False, "code": "failed", "message": "the server failed"}
        await self.acknowledge(number, answer)

    async def acknowledge(self, number, answer):
        """Answers a question. What has no number is none."""
        if number_in(number) is not None and not self.over:
            await self.say("_line:answer", {"request": number, "data": answer})

    async def hear(self, user_id, event, data):
        """What a page sends by `line.send`, any JSON. What it gives is the acknowledgement; `ok: False` says no."""
        return {"ok": False, "code": "unknown", "message": "there is no such event"}

    async def session_of(self, credentials):
        """
        The user of credentials, when they end (seconds since 1970), and the session that `end_session` ends, or None. Raises
        `Refused`. Yours may ask a database for more.
        """
        user_id, expires_at, session_id = read_token(credentials.get("token"))
        await database_sync_to_async(check_session)(session_id)
        return user_id, expires_at, session_id

    async def may_join(self, user_id, topic):
        """Whether a user may join a topic; or why not, as a sentence. Yours asks a database."""
        return "this server has no topics"

    def identity_of(self, user_id):
        """The identity for which the page mounts its line."""
        return str(user_id)

    async def authenticate(self, credentials):
        """The first credentials, or fresh ones over an open connection."""
        # Partyline's own fields are none of the app's.
        claimed = identity_in(credentials.pop("_line", None))
        credentials.pop("cursor", None)
        try:
            user_id, expires_at, session_id = await self.in_time(self.session_of(credentials))
            group, identity = group_of(user_id), self.identity_of(user_id)
            if self.group not in (None, group) or claimed not in (None, identity):
                await self.refuse("these credentials are somebody else's", code="wrong-identity")
                return
            # At every renewal too: a channel layer removes a member after a day.
            await self.channel_layer.group_add(group, self.channel_name)
            if self.group is None:
                self.group = group
                # Once more: if it ended after it was looked up and before the group was joined, nobody told this connection.
                await self.in_time(self.session_of(credentials))
        except Refused as refused:
            final = {"final": True} if refused.final else {}
            if self.user_id is None:
                await self.refuse(str(refused), **final)
            else:
                # The current session lasts until its own end.
                await self.say("_line", {"ok": False, "message": str(refused), **final})
            return
        except Exception:
            # The database is away, perhaps: that says nothing about the credentials.
            logger.exception("the credentials could not be checked")
            why = "the server can't check the credentials now"
            if self.user_id is None:
                await self.end(TRY_AGAIN_LATER, why)
            else:
                await self.say("_line", {"ok": False, "message": why, "code": "unavailable"})
            return
        self.user_id, self.session_id = user_id, session_id
        self.at(expires_at, lambda: self.refuse("the session has expired"))
        # Not before the group is joined: from here on the browser relies on it.
        await self.say("_line", {"ok": True})
        # Before any event: a browser that asked for another user drops the connection.
        # 0: this process does not know what others have sent, so it can't say that it was nothing.
        await self.say("_line", {"identity": identity, "quietForMs": 0})
        for topic in list(self.topics):
            # A right may have been taken away since it was joined.
            denial = await self.denial_of(topic)
            if denial is None:
                await self.channel_layer.group_add(topic_group_of(topic), self.channel_name)
            elif "code" not in denial:
                await self.leave(topic)
                await self.say("_line", {"topic": topic, "ok": False, **denial})

    async def change_topics(self, is_join, metadata):
        topics, request = topics_in(metadata.get("topics")), number_in(metadata.get("request"))
        if self.user_id is None:
            return
        for topic in topics:
            if not is_join:
                await self.leave(topic)
                continue
            denial = await self.denial_of(topic)
            if denial is None:
                await self.channel_layer.group_add(topic_group_of(topic), self.channel_name)
                self.topics.add(topic)
            # Not before the group is joined: from here on the browser relies on it.
            answer = {"ok": True} if denial is None else {"ok": False, **denial}
            await self.say("_line", {"topic": topic, **answer, **({} if request is None else {"request": request})})

    async def denial_of(self, topic):
        """Why the user may not join a topic; None if she may."""
        if len(self.topics | {topic}) > MAX_TOPICS:
            return {"message": f"more than {MAX_TOPICS} topics"}
        try:
            answer = await self.in_time(self.may_join(self.user_id, topic))
        except Exception:
            logger.exception("it is not known who may join a topic")
            return {"message": "the server can't tell now", "code": "unavailable"}
        return None if answer is True else {"message": answer or "not allowed"}

    async def leave(self, topic):
        self.topics.discard(topic)
        await self.channel_layer.group_discard(topic_group_of(topic), self.channel_name)

    async def in_time(self, work):
        """What your database is asked has a time limit."""
        return await asyncio.wait_for(work, getattr(settings, "LINE_AUTHENTICATE_SECONDS", 10))

    async def line_event(self, message):
        """Sends on an event that `emit_event` has sent to the group."""
        if not self.over:
            await self.send(text_data=message["frame"])

    async def line_end(self, message):
        """`end_session` of any process."""
        if not self.over and self.session_id == message["session"]:
            await self.refuse("the session has ended")

    async def line_end_topic(self, message):
        """`end_topic` of any process."""
        if message["topic"] in self.topics and not self.over:
            await self.leave(message["topic"])
            await self.say("_line", {"topic": message["topic"], "ok": False, "message": message["reason"]})

    async def disconnect(self, code):
        self.over = True
        if self.timer:
            self.timer.cancel()
        for group in [self.group, *map(topic_group_of, self.topics)]:
            if group:
                await self.channel_layer.group_discard(group, self.channel_name)

    async def say(self, event, metadata=None):
        await self.send(text_data=json.dumps({"event": event, **({"metadata": metadata} if metadata else {})}))

    async def refuse(self, why, **fields):
        """Ends the connection. Says why in a frame as well: daphne drops the reason of a close."""
        self.over = True
        await self.say("_line", {"ok": False, "message": why, **fields})
        await self.end(FORBIDDEN if fields.get("final") else UNAUTHORIZED, why)

    async def end(self, code, reason):
        self.over = True
        # `close()` has no `reason` before Channels 4.1.
        await self.base_send({"type": "websocket.close", "code": code, "reason": reason})

    def at(self, moment, act):
        """Calls back at a moment (seconds since 1970), unless another one is set before."""

        async def wait():
            while (left := moment - time.time()) > 0:
                await asyncio.sleep(min(left, MAX_SLEEP_SECONDS))
            await act()

        if self.timer:
            self.timer.cancel()
        self.timer = asyncio.ensure_future(wait())


def is_name(event):
    return isinstance(event, str) and event != "" and not event.startswith("_line")


def read_frame(text):
    """The event, its data, and the number of a question. Text that is not a frame is an event without a name."""
    try:
        frame = json.loads(text) if text and len(text) <= LIMIT else None
    except (ValueError, RecursionError):
        frame = None
    frame = frame if isinstance(frame, dict) else {}
    return frame.get("event"), frame.get("metadata"), frame.get("request")


def topics_in(value):
    """The names in a client's message, which may be anything. One more than allowed, so that this one is refused."""
    names = value[: MAX_TOPICS + 1] if isinstance(value, list) else []
    return list(dict.fromkeys(name for name in names if is_topic(name)))


def is_topic(name):
    # Printable: halves of a character have no bytes.
    return isinstance(name, str) and 0 < len(name) <= MAX_TOPIC_LENGTH and name.isprintable()


def number_in(value):
    """The number of a client's request. None if it is none."""
    return value if type(value) is int and abs(value) < 2**53 else None


def identity_in(field):
    """The identity that a browser was mounted for. None if it does not say."""
    identity = field.get("identity") if isinstance(field, dict) else None
    return identity if isinstance(identity, str) else None
