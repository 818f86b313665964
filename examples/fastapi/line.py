"""The server's end of the browsers' one connection each: docs/protocol.md, and docs/sse.md. For one process, on its event loop."""

import asyncio
import base64
import hashlib
import json
import logging
import re
import secrets
import time
import uuid
from collections import deque
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

logger = logging.getLogger(__name__)

UNAUTHORIZED, FORBIDDEN, NO_CREDENTIALS, TRY_AGAIN_LATER = 4401, 4403, 4408, 1013
# In seconds: without credentials; for what your database is asked; and a machine's sleep may end a session so much late.
PATIENCE, ASK_TIMEOUT, MAX_SLEEP = 30, 10, 60
# A stream that is silent for longer than this (seconds) sends a comment.
HEARTBEAT = 25
# Frames that wait for a slow browser; events that are kept for those that come back. Of one connection: topics, and what its tabs
# have sent and `hear` has not answered.
MAX_WAITING, MAX_LOGGED, MAX_TOPICS, MAX_HEARD = 1_000, 1_000, 500, 500
# In characters: of a frame, and of a topic's name.
MAX_FRAME, MAX_TOPIC = 65_536, 200


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
    def __init__(self, authenticate, may_join=None, hear=None):
        """
        `authenticate(credentials)`: gives (user id, end in seconds since 1970, id of the session), or raises `Refused`.
        `may_join(user_id, topic)`: gives True, or why not. Both are coroutines, and what else they raise means "can't tell now".
        `hear(user_id, event, data)`: what a tab has sent, any JSON. A coroutine that gives the acknowledgement.
        """
        self.authenticate, self.may_join, self.hear = authenticate, may_join, hear
        self.connections = set()
        # Those that are streams, by the name that their browser posts with.
        self.streams = {}
        # Another one after a restart: a cursor of the former life is none of this log's.
        self.epoch, self.number = uuid.uuid4().hex[:8], 0
        self.log = deque(maxlen=MAX_LOGGED)

    def emit_event(self, user_id, event, metadata=None, *, origin=None):
        """Tells all of a user's browsers that something has changed. Call it after the commit, with ids and no data."""
        self.number += 1
        frame = frame_of(event, metadata, {"id": self.cursor(), "origin": origin})
        self.log.append((self.number, str(user_id), frame))
        self._send(frame, lambda one: one.user == str(user_id))

    def emit_to_topic(self, topic, event, metadata=None, *, origin=None):
        """The same, for all browsers that have joined a topic."""
        self._send(frame_of(event, metadata, {"origin": origin}), lambda one: topic in one.topics)

    def end_session(self, session_id):
        """Ends the connections of a session; `authenticate` has to refuse it by now."""
        for one in [one for one in self.connections if one.session == session_id]:
            one.refuse("the session has ended")

    def cursor(self):
        return f"{self.epoch}:{self.number}"

    def missed(self, user, cursor):
        """The frames since a cursor, or None if the log does not reach back that far."""
        epoch, _, number = str(cursor).partition(":")
        if epoch != self.epoch or not number.isdecimal() or len(number) > 15:
            return None
        first = self.log[0][0] if self.log else self.number + 1
        if not first - 1 <= int(number) <= self.number:
            return None
        return [frame for n, whose, frame in self.log if n > int(number) and whose == user]

    async def serve_stream(self, request: Request):
        """Server-Sent Events: GET begins a stream, POST brings what its browser says."""
        name = request.headers.get("x-partyline-stream", "")
        if request.method == "POST":
            one = self.streams.get(name)
            if one is None:
                return Response(status_code=404)
            body = await request.body()
            for event, data, number in read_frames(body):
                await one.take(event, credentials_of(request.headers) if event == "_line:auth" else data, number)
            return Response(status_code=204)
        one = Connection(self, None)
        self.connections.add(one)
        await one.admit(credentials_of(request.headers))
        if one.over:
            said = [json.loads(frame)["metadata"] for frame in one.waiting if isinstance(frame, str)]
            status = {UNAUTHORIZED: 401, FORBIDDEN: 403}.get(one.waiting[-1], 503)
            return JSONResponse(said[-1] if said else {}, status)
        one.name = secrets.token_urlsafe()
        self.streams[one.name] = one
        one.waiting.appendleft(json.dumps({"event": "_line", "metadata": {"stream": one.name}}))
        headers = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        return StreamingResponse(one.frames(), media_type="text/event-stream", headers=headers)

    async def serve(self, socket: WebSocket):
        # A browser takes a refusal before this for an accident.
        await socket.accept()
        connection = Connection(self, socket)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)

    def _send(self, frame, concerns):
        for one in [one for one in self.connections if concerns(one)]:
            one.put(frame)


class Connection:
    def __init__(self, line, socket):
        self.line, self.socket = line, socket
        self.user = self.session = self.timer = self.name = None
        self.topics = set()
        # What its tabs have sent and `hear` has not answered, and the number of the last question.
        self.heard, self.asked = set(), 0
        # Frames, and at the end the close code.
        self.waiting = deque()
        self.wake = asyncio.Event()
        self.over = False

    async def run(self):
        self.at(time.time() + PATIENCE, lambda: self.end(NO_CREDENTIALS))
        tasks = [asyncio.ensure_future(work) for work in (self.read(), self.write())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.over = True
            for task in (*tasks, self.timer):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def read(self):
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self.take(*read_frame(message.get("text")))

    async def take(self, event, data, number=None):
        if self.over:
            return
        metadata = data if isinstance(data, dict) else {}
        if event == "_line:ping":
            self.put(json.dumps({"event": "_line:pong"}))
        elif event == "_line:auth":
            await self.admit(metadata)
        elif event in ("_line:join", "_line:leave") and self.user is not None:
            await self.change_topics(event == "_line:join", metadata)
        elif is_name(event) and self.user is not None and self.line.hear:
            self.begin(event, data, number)

    def begin(self, event, data, number):
        """What a tab has sent is a task of its own: the connection does not wait for it. With a number, it is acknowledged."""
        if number is not None:
            # A stream's browser may post it again.
            if type(number) is not int or not self.asked < number < 2**53:
                return
            self.asked = number
        if len(self.heard) >= MAX_HEARD:
            return self.acknowledge(number, {"ok": False, "code": "too-many", "message": "too much was sent"})
        task = asyncio.ensure_future(self.answer(event, data, number))
        self.heard.add(task)
        task.add_done_callback(self.heard.discard)

    async def answer(self, event, data, number):
        try:
            answer = await self.line.hear(self.user, event, data)
        except Exception:
            logger.exception("what a tab has sent could not be answered: %r", event)
            answer = {"ok": False, "code": "failed", "message": "the server failed"}
        self.acknowledge(number, answer)

    def acknowledge(self, number, answer):
        if number is not None:
            self.put(json.dumps({"event": "_line:answer", "metadata": {"request": number, "data": answer}}))

    async def write(self):
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                while self.waiting:
                    frame = self.waiting.popleft()
                    if isinstance(frame, int):
                        return await self.socket.close(frame)
                    await self.socket.send_text(frame)
        except (WebSocketDisconnect, RuntimeError):
            return

    async def frames(self):
        """What is sent over a stream."""
        try:
            while True:
                try:
                    await asyncio.wait_for(self.wake.wait(), HEARTBEAT)
                except asyncio.TimeoutError:
                    yield ":\n\n"
                self.wake.clear()
                while self.waiting:
                    frame = self.waiting.popleft()
                    if isinstance(frame, int):
                        return
                    yield f"data: {frame}\n\n"
        finally:
            self.end(TRY_AGAIN_LATER)

    async def admit(self, credentials):
        """The first credentials, or fresh ones over an open connection."""
        ours, cursor = credentials.pop("_line", None), credentials.pop("cursor", None)
        claimed = ours.get("identity") if isinstance(ours, dict) else None
        first = self.user is None
        try:
            user, expires_at, session = await asyncio.wait_for(self.line.authenticate(credentials), ASK_TIMEOUT)
            user = str(user)
            if self.user not in (None, user) or (isinstance(claimed, str) and claimed != user):
                return self.refuse("these credentials are somebody else's", code="wrong-identity")
            # From here on `end_session` ends it; once more, for what ended while it was looked up.
            self.session = session
            if first:
                await asyncio.wait_for(self.line.authenticate(credentials), ASK_TIMEOUT)
        except Refused as refused:
            final = {"final": True} if refused.final else {}
            return self.refuse(str(refused), **final) if first else self.say(ok=False, message=str(refused), **final)
        except Exception:
            # That says nothing about the credentials.
            logger.exception("the credentials could not be checked")
            return self.end(TRY_AGAIN_LATER) if first else self.say(ok=False, message="try again later", code="unavailable")
        if self.over:
            return
        self.at(expires_at, lambda: self.refuse("the session has expired"))
        # Nothing is awaited from here on, so no event falls between these words.
        self.user = user
        self.say(ok=True)
        self.say(identity=user, quietForMs=0)
        if first:
            self.say(cursor=self.line.cursor())
            if cursor is not None:
                missed = self.line.missed(user, cursor)
                for frame in missed or []:
                    self.put(frame)
                self.say(replayed=missed is not None)
        else:
            await self.change_topics(True, {"topics": list(self.topics)}, is_recheck=True)

    async def change_topics(self, is_join, metadata, is_recheck=False):
        request = metadata.get("request")
        number = {"request": request} if type(request) is int and abs(request) < 2**53 else {}
        for topic in topics_in(metadata.get("topics")):
            if not is_join:
                self.topics.discard(topic)
                continue
            denial = await self.denial_of(topic)
            if denial is None:
                self.topics.add(topic)
            elif "code" not in denial:
                self.topics.discard(topic)
            if not is_recheck or (denial and "code" not in denial):
                self.say(topic=topic, ok=denial is None, **(denial or {}), **number)

    async def denial_of(self, topic):
        """Why the user may not join a topic; None if she may."""
        if len(self.topics | {topic}) > MAX_TOPICS:
            return {"message": f"more than {MAX_TOPICS} topics"}
        try:
            answer = self.line.may_join and await asyncio.wait_for(self.line.may_join(self.user, topic), ASK_TIMEOUT)
        except Exception:
            logger.exception("it is not known who may join a topic")
            return {"message": "try again later", "code": "unavailable"}
        return None if answer is True else {"message": answer or "not allowed"}

    def say(self, **metadata):
        self.put(json.dumps({"event": "_line", "metadata": metadata}))

    def put(self, frame):
        if self.over:
            return
        if len(self.waiting) >= MAX_WAITING:
            # Too slow to follow: it comes back, and has what it missed replayed, or refetches.
            self.waiting.clear()
            return self.end(TRY_AGAIN_LATER)
        self.waiting.append(frame)
        self.wake.set()

    def refuse(self, why, **fields):
        """Ends the connection, with the reason in a frame before the close."""
        self.say(ok=False, message=why, **fields)
        self.end(FORBIDDEN if fields.get("final") else UNAUTHORIZED)

    def end(self, code):
        if not self.over:
            self.over = True
            self.line.connections.discard(self)
            self.line.streams.pop(self.name, None)
            self.timer and self.timer.cancel()
            self.waiting.append(code)
            self.wake.set()

    def at(self, moment, act):
        """Calls back at a moment (seconds since 1970), unless another one is set before."""

        async def wait():
            while (left := moment - time.time()) > 0:
                await asyncio.sleep(min(left, MAX_SLEEP))
            act()

        if self.timer:
            self.timer.cancel()
        self.timer = asyncio.ensure_future(wait())


def frame_of(event, metadata, envelope):
    if not isinstance(event, str) or not event or event.startswith("_line") or "_line" in (metadata or {}):
        raise ValueError(f"neither an event nor a field of its metadata is named like _line: {event!r}")
    envelope = {name: value for name, value in envelope.items() if value is not None}
    frame = json.dumps({"event": event, "metadata": {**(metadata or {}), "_line": envelope}}, allow_nan=False)
    if len(frame) > MAX_FRAME:
        raise ValueError(f"the metadata of {event} is too large: send the signal, not the data")
    return frame


def is_name(event):
    return isinstance(event, str) and event != "" and not event.startswith("_line")


def read_frame(text):
    """The event, its data, and the number of a question. Text that is not a frame is an event without a name."""
    try:
        frame = json.loads(text) if text and len(text) <= MAX_FRAME else None
    except (ValueError, RecursionError):
        frame = None
    frame = frame if isinstance(frame, dict) else {}
    return frame.get("event"), frame.get("metadata"), frame.get("request")


def read_frames(body):
    """What a browser has posted. Only what is a list of frames is read."""
    try:
        frames = json.loads(body) if len(body) <= MAX_FRAME * 4 else []
    except (ValueError, RecursionError):
        frames = []
    return [read_frame(json.dumps(frame)) for frame in frames[:100]] if isinstance(frames, list) else []


def credentials_of(headers):
    """The credentials of a stream, in the form that a first frame has them."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    credentials = {"token": value} if kind.lower() == "bearer" else {}
    if kind.lower() == "partyline":
        try:
            credentials = json.loads(base64.b64decode(value))
        except (ValueError, RecursionError):
            pass
    credentials = credentials if isinstance(credentials, dict) else {}
    if "last-event-id" in headers:
        credentials["cursor"] = headers["last-event-id"]
    if "x-partyline-identity" in headers:
        credentials["_line"] = {"identity": unquote(headers["x-partyline-identity"])}
    return credentials


def topics_in(value):
    """The names in a client's message, which may be anything."""
    names = value[: MAX_TOPICS + 1] if isinstance(value, list) else []
    # Printable: halves of a character have no bytes.
    good = [name for name in names if isinstance(name, str) and 0 < len(name) <= MAX_TOPIC and name.isprintable()]
    return list(dict.fromkeys(good))
