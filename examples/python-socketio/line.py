"""The server's end of the browsers' one connection each, on python-socketio: docs/protocol.md."""

import asyncio
import base64
import hashlib
import inspect
import json
import logging
import re
import time
import uuid
from collections import deque

import socketio
from socketio.exceptions import ConnectionRefusedError

logger = logging.getLogger(__name__)

# In seconds: for what your database is asked; and a machine's sleep may end a session so much late.
ASK_TIMEOUT, MAX_SLEEP = 10, 60
# Events that are kept for browsers that come back; topics of one connection; characters of a topic's name.
MAX_LOGGED, MAX_TOPICS, MAX_TOPIC = 1_000, 500, 200
UNAVAILABLE = {"message": "try again later", "code": "unavailable"}


class Refused(Exception):
    """The reason why credentials are refused. The browser shows it. If it is final, it does not try again by itself."""

    def __init__(self, reason, final=False):
        super().__init__(reason)
        self.final = final


def origin_of(headers):
    """What the events of a request say of it: a hash of the secret in its header. None without one."""
    secret = headers.get("x-partyline-origin", "")
    if not re.fullmatch(r"[\w./-]{1,100}", secret, re.ASCII):
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()[:22]


class Line:
    def __init__(self, sio: socketio.AsyncServer, authenticate, may_join=None):
        """
        `authenticate(credentials)`: gives (user id, end in seconds since 1970, id of the session), or raises `Refused`.
        `may_join(user_id, topic)`: gives True, or why not. Both are coroutines, and what else they raise means "can't tell now".
        """
        self.sio, self.authenticate, self.may_join = sio, authenticate, may_join
        # By the socket's id, those of this process.
        self.connections = {}
        # Another one after a restart: a cursor of the former life is none of this log's.
        self.epoch, self.number = uuid.uuid4().hex[:8], 0
        self.log = deque(maxlen=MAX_LOGGED)
        for event, handler in {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "_line:auth": self._renew,
            "_line:join": self._join,
            "_line:leave": self._leave,
        }.items():
            sio.on(event, handler)

    async def emit_event(self, user_id, event, metadata=None, *, origin=None):
        """Tells all of a user's browsers that something has changed. Call it after the commit, with ids and no data."""
        self.number += 1
        packet = packet_of(event, metadata, {"id": self.cursor(), "origin": origin})
        self.log.append((self.number, str(user_id), packet))
        await self.sio.emit(*packet, room=f"user_{user_id}")

    async def emit_to_topic(self, topic, event, metadata=None, *, origin=None):
        """The same, for all browsers that have joined a topic."""
        await self.sio.emit(*packet_of(event, metadata, {"origin": origin}), room=f"topic:{topic}")

    async def end_session(self, session_id):
        """Ends the connections of a session; `authenticate` has to refuse it by now."""
        for sid in [sid for sid, one in self.connections.items() if one["session"] == session_id]:
            await self.sio.disconnect(sid)

    def user_of(self, sid):
        """Who has sent an event; None if the connection is over."""
        one = self.connections.get(sid)
        return one and one["user"]

    def cursor(self):
        return f"{self.epoch}:{self.number}"

    def missed(self, user, cursor):
        """The packets since a cursor, or None if the log does not reach back that far."""
        epoch, _, number = str(cursor).partition(":")
        if epoch != self.epoch or not number.isdecimal() or len(number) > 15:
            return None
        first = self.log[0][0] if self.log else self.number + 1
        if not first - 1 <= int(number) <= self.number:
            return None
        return [packet for n, whose, packet in self.log if n > int(number) and whose == user]

    async def _connect(self, sid, environ, auth=None):
        credentials, claimed, cursor = read_auth(auth)
        # From here on `end_session` ends it; asked once more, for what ended while it was looked up.
        try:
            user, expires_at, session = await self._ask(self.authenticate(credentials))
            one = {"user": str(user), "session": session, "topics": set(), "timer": None, "lock": asyncio.Lock()}
            self.connections[sid] = one
            await self._ask(self.authenticate(credentials))
        except Refused as refused:
            self.connections.pop(sid, None)
            raise ConnectionRefusedError(str(refused), {"final": refused.final}) from None
        except Exception:
            # That says nothing about the credentials.
            logger.exception("the credentials could not be checked")
            self.connections.pop(sid, None)
            raise ConnectionRefusedError(UNAVAILABLE["message"], {"code": "unavailable"}) from None
        if claimed not in (None, one["user"]):
            del self.connections[sid]
            raise ConnectionRefusedError("these credentials are somebody else's", {"code": "wrong-identity"})
        if not self.sio.manager.is_connected(sid, "/"):
            # It has gone meanwhile.
            del self.connections[sid]
            return False
        # Before the browser hears that it is connected, so that nothing falls in between.
        await call(self.sio.enter_room, sid, f"user_{user}")
        self._end_at(sid, expires_at)
        # What is said here would come before the word that it is connected: that follows when this handler is over.
        self.sio.start_background_task(self._greet, sid, one["user"], cursor)

    async def _greet(self, sid, user, cursor):
        await self._say(sid, identity=user)
        await self._say(sid, quietForMs=0)
        await self._say(sid, cursor=self.cursor())
        if cursor is not None:
            missed = self.missed(user, cursor)
            for packet in missed or []:
                await self.sio.emit(*packet, room=sid)
            await self._say(sid, replayed=missed is not None)

    async def _disconnect(self, sid, *_):
        one = self.connections.pop(sid, None)
        if one and one["timer"]:
            one["timer"].cancel()

    async def _renew(self, sid, auth=None):
        """Fresh credentials over an open connection. What it returns is the answer."""
        credentials, claimed, _ = read_auth(auth)
        try:
            user, expires_at, session = await self._ask(self.authenticate(credentials))
        except Refused as refused:
            return {"ok": False, "message": str(refused), "final": refused.final}
        except Exception:
            logger.exception("the credentials could not be checked")
            return {"ok": False, **UNAVAILABLE}
        one = self.connections.get(sid)
        if one is None or one["user"] != str(user) or claimed not in (None, str(user)):
            self.sio.start_background_task(self.sio.disconnect, sid)
            return {"ok": False, "message": "these credentials are somebody else's", "code": "wrong-identity"}
        one["session"] = session
        self._end_at(sid, expires_at)
        async with one["lock"]:
            for topic in list(one["topics"]):
                # A right may have been taken away since it was joined.
                denial = await self._denial_of(one, topic)
                if denial and "code" not in denial:
                    await self._change_room(sid, topic, False)
                    await self._say(sid, topic=topic, ok=False, **denial)
        return {"ok": True}

    async def _join(self, sid, message=None):
        one, topics, number = self.connections.get(sid), *read_topics(message)
        # Each event is a task of its own: what is asked later must not be done earlier.
        async with one["lock"] if one else asyncio.Lock():
            for topic in topics if one else []:
                denial = await self._denial_of(one, topic)
                if denial is None:
                    await self._change_room(sid, topic, True)
                await self._say(sid, topic=topic, ok=denial is None, **(denial or {}), **number)

    async def _leave(self, sid, message=None):
        one = self.connections.get(sid)
        async with one["lock"] if one else asyncio.Lock():
            for topic in read_topics(message)[0] if one else []:
                await self._change_room(sid, topic, False)

    async def _change_room(self, sid, topic, is_in):
        # It may have gone while it was asked.
        if one := self.connections.get(sid):
            (one["topics"].add if is_in else one["topics"].discard)(topic)
            await call(self.sio.enter_room if is_in else self.sio.leave_room, sid, f"topic:{topic}")

    async def _denial_of(self, one, topic):
        """Why the user may not join a topic; None if she may."""
        if len(one["topics"] | {topic}) > MAX_TOPICS:
            return {"message": f"more than {MAX_TOPICS} topics"}
        try:
            answer = self.may_join and await self._ask(self.may_join(one["user"], topic))
        except Exception:
            logger.exception("it is not known who may join a topic")
            return UNAVAILABLE
        return None if answer is True else {"message": answer or "not allowed"}

    def _end_at(self, sid, moment):
        async def wait():
            while (left := moment - time.time()) > 0:
                await asyncio.sleep(min(left, MAX_SLEEP))
            await self.sio.disconnect(sid)

        one = self.connections[sid]
        if one["timer"]:
            one["timer"].cancel()
        one["timer"] = asyncio.ensure_future(wait())

    def _ask(self, work):
        return asyncio.wait_for(work, ASK_TIMEOUT)

    def _say(self, sid, **metadata):
        return self.sio.emit("_line", metadata, room=sid)


async def call(method, *args):
    """`enter_room` and `leave_room` are coroutines since python-socketio 5.10."""
    result = method(*args)
    return await result if inspect.isawaitable(result) else result


def packet_of(event, metadata, envelope):
    if not isinstance(event, str) or not event or event.startswith("_line") or "_line" in (metadata or {}):
        raise ValueError(f"neither an event nor a field of its metadata is named like _line: {event!r}")
    metadata = {**(metadata or {}), "_line": {name: value for name, value in envelope.items() if value is not None}}
    # Throws here, where the change is made, for what is no JSON.
    json.dumps(metadata, allow_nan=False)
    return event, metadata


def read_auth(auth):
    """The app's credentials; the identity that the browser was mounted for, and its cursor, if it says them."""
    credentials = dict(auth) if isinstance(auth, dict) else {}
    ours, cursor = credentials.pop("_line", None), credentials.pop("cursor", None)
    claimed = ours.get("identity") if isinstance(ours, dict) else None
    return credentials, claimed if isinstance(claimed, str) else None, cursor


def read_topics(message):
    """The names in a browser's message, which may be anything, and the number of its request."""
    message = message if isinstance(message, dict) else {}
    names, request = message.get("topics"), message.get("request")
    names = names[: MAX_TOPICS + 1] if isinstance(names, list) else []
    # Printable: halves of a character have no bytes.
    good = [name for name in names if isinstance(name, str) and 0 < len(name) <= MAX_TOPIC and name.isprintable()]
    return list(dict.fromkeys(good)), {"request": request} if type(request) is int and abs(request) < 2**53 else {}
