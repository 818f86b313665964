"""The server's end of the browser's one WebSocket. docs/websocket.md describes the wire."""

import asyncio
import json
import logging
import time

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from .events import LIMIT, group_of
from .tokens import Refused, read_token

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


class LineConsumer(AsyncWebsocketConsumer):
    group = None
    over = False
    timer = None

    async def connect(self):
        # A browser takes a refusal before this for an accident.
        await self.accept()
        timeout = getattr(settings, "LINE_PATIENCE_SECONDS", 30)
        self.at(time.time() + timeout, lambda: self.end(NO_CREDENTIALS, "no credentials were sent"))

    async def receive(self, text_data=None, bytes_data=None):
        event, metadata = read_frame(text_data)
        if self.over:
            return
        if event == "_line:ping":
            await self.say("_line:pong")
        elif event == "_line:auth":
            await self.authenticate(metadata)

    async def session_of(self, credentials):
        """The user of credentials, and when they end (seconds since 1970). Raises `Refused`. Yours may ask a database."""
        return read_token(credentials.get("token"))

    def identity_of(self, user_id):
        """The identity for which the page mounts its line."""
        return str(user_id)

    async def authenticate(self, credentials):
        """The first credentials, or fresh ones over an open connection."""
        # Partyline's own fields are none of the app's.
        claimed = identity_in(credentials.pop("_line", None))
        credentials.pop("cursor", None)
        try:
            timeout = getattr(settings, "LINE_AUTHENTICATE_SECONDS", 10)
            user_id, expires_at = await asyncio.wait_for(self.session_of(credentials), timeout)
        except Refused as refused:
            final = {"final": True} if refused.final else {}
            if self.group is None:
                await self.refuse(str(refused), **final)
            else:
                # The current session lasts until its own end.
                await self.say("_line", {"ok": False, "message": str(refused), **final})
            return
        except Exception:
            # The database is away, perhaps: that says nothing about the credentials.
            logger.exception("the credentials could not be checked")
            why = "the server can't check the credentials now"
            if self.group is None:
                await self.end(TRY_AGAIN_LATER, why)
            else:
                await self.say("_line", {"ok": False, "message": why, "code": "unavailable"})
            return
        group, identity = group_of(user_id), self.identity_of(user_id)
        if self.group not in (None, group) or claimed not in (None, identity):
            await self.refuse("these credentials are somebody else's", code="wrong-identity")
            return
        self.group = group
        # At every renewal too: a channel layer removes a member after a day.
        await self.channel_layer.group_add(group, self.channel_name)
        self.at(expires_at, lambda: self.refuse("the session has expired"))
        # Not before the group is joined: from here on the browser relies on it.
        await self.say("_line", {"ok": True})
        # Before any event: a browser that asked for another user drops the connection.
        # 0: this process does not know what others have sent, so it can't say that it was nothing.
        await self.say("_line", {"identity": identity, "quietForMs": 0})

    async def line_event(self, message):
        """Sends on an event that `emit_event` has sent to the group."""
        if not self.over:
            await self.send(text_data=message["frame"])

    async def disconnect(self, code):
        self.over = True
        if self.timer:
            self.timer.cancel()
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

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


def read_frame(text):
    """The event and its metadata. Text that is not a frame is an event without a name."""
    try:
        frame = json.loads(text) if text and len(text) <= LIMIT else None
    except (ValueError, RecursionError):
        frame = None
    frame = frame if isinstance(frame, dict) else {}
    metadata = frame.get("metadata")
    return frame.get("event"), metadata if isinstance(metadata, dict) else {}


def identity_in(field):
    """The identity that a browser was mounted for. None if it does not say."""
    identity = field.get("identity") if isinstance(field, dict) else None
    return identity if isinstance(identity, str) else None
