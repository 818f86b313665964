import asyncio
import json
import time
import uuid
from types import SimpleNamespace

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.db import transaction
from django.test import TestCase

from .consumer import LineConsumer
from .events import emit_event, group_of, origin_of
from .tokens import Refused, make_token, read_token


# The header of a request, and the same hash of it as `originOf` of partyline/server gives.
SECRET = "0123456789abcdef0123456789abcdef"
HASH = "PrG9Q5lH63YpmOVmzMLgmc"


def sent_by(run):
    """The frames that a member of Ann's group gets."""
    layer = get_channel_layer()

    async def listen():
        channel = await layer.new_channel()
        await layer.group_add(group_of("ann"), channel)
        return channel

    channel = async_to_sync(listen)()
    run()
    queue = layer.channels.get(channel)
    return [queue.get_nowait()[1]["frame"] for _ in range(queue.qsize())] if queue else []


class EmitEvent(TestCase):
    def frames(self, *args, **envelope):
        def run():
            with self.captureOnCommitCallbacks(execute=True):
                emit_event(*args, **envelope)

        return sent_by(run)

    def test_a_frame_of_the_wire(self):
        self.assertEqual(self.frames("ann", "seen"), ['{"event": "seen", "metadata": {}}'])
        self.assertEqual(self.frames("ann", "seen", {"id": 7}), ['{"event": "seen", "metadata": {"id": 7}}'])

    def test_the_envelope_is_in_the_reserved_field(self):
        frame = '{"event": "seen", "metadata": {"a": 1, "_line": {"id": 3, "origin": "%s", "spreadMs": 500}}}' % HASH
        self.assertEqual(self.frames("ann", "seen", {"a": 1}, id=3, origin=HASH, spread_ms=500), [frame])

    def test_a_secret_never_stands_in_an_event(self):
        for origin in (SECRET, "t.1", "", 7):
            with self.subTest(origin=origin), self.assertRaises(ValueError):
                emit_event("ann", "seen", origin=origin)

    def test_nobody_elses(self):
        self.assertEqual(self.frames("bob", "seen"), [])

    def test_not_before_the_commit(self):
        def run():
            with self.captureOnCommitCallbacks():
                emit_event("ann", "seen")

        self.assertEqual(sent_by(run), [])

    def test_not_after_a_rollback(self):
        def run():
            with self.captureOnCommitCallbacks(execute=True):
                try:
                    with transaction.atomic():
                        emit_event("ann", "seen")
                        raise LookupError
                except LookupError:
                    emit_event("ann", "told")

        self.assertEqual(sent_by(run), ['{"event": "told", "metadata": {}}'])

    def test_refuses_what_browsers_could_not_read(self):
        reserved = [("_line",), ("_line:auth",), ("_linen",), ("",), (None,), (7,)]
        no_objects = [("seen", value) for value in ([], "text", 7, True)]
        no_json = [("seen", {"a": value}) for value in (float("nan"), uuid.uuid4(), b"bytes", {1, 2})]
        for args in [*reserved, *no_objects, *no_json, ("seen", {"_line": {}}), ("seen", {"a": "x" * 70_000})]:
            with self.subTest(args=str(args)[:60]), self.assertRaises(ValueError):
                emit_event("ann", *args)

    def test_metadata_is_taken_as_it_is_now(self):
        def run():
            with self.captureOnCommitCallbacks(execute=True):
                metadata = {"a": 1}
                emit_event("ann", "seen", metadata)
                metadata["a"] = 2

        self.assertEqual(sent_by(run), ['{"event": "seen", "metadata": {"a": 1}}'])

    def test_a_channel_layer_that_is_away_is_no_error_page(self):
        # No process listens on this port.
        away = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:9"]}}
        with self.settings(CHANNEL_LAYERS={"default": away}), self.assertLogs("line.events", "ERROR"):
            with self.captureOnCommitCallbacks(execute=True):
                emit_event("ann", "seen")


class OriginOf(TestCase):
    def test_a_hash_of_what_can_be_a_secret(self):
        for header, origin in {SECRET: HASH, "": None, "a b": None, "ä": None, "x" * 101: None, "a\n": None}.items():
            request = SimpleNamespace(headers={"x-partyline-origin": header})
            self.assertEqual(origin_of(request), origin)
        self.assertIsNone(origin_of(SimpleNamespace(headers={})))

    def test_who_reads_it_cannot_make_the_same(self):
        self.assertNotEqual(origin_of(SimpleNamespace(headers={"x-partyline-origin": HASH})), HASH)


class Tokens(TestCase):
    def test_there_and_back(self):
        for user_id in (7, "ann@example.com"):
            made = make_token(user_id, "its session")
            self.assertEqual(read_token(made["token"]), (user_id, made["expiresAt"] / 1000, "its session"))

    def test_refuses_all_others(self):
        token = make_token(7)["token"]
        for bad in (None, 7, {}, "", "x", token[:-1], "A" + token):
            with self.subTest(bad=bad), self.assertRaises(Refused):
                read_token(bad)

    def test_refuses_what_has_expired(self):
        with self.settings(LINE_TOKEN_SECONDS=-1), self.assertRaisesMessage(Refused, "expired"):
            read_token(make_token(7)["token"])


class Line(LineConsumer):
    """Credentials are a user's name, or something that goes wrong."""

    async def session_of(self, credentials):
        assert set(credentials) == {"token"}, credentials
        token = credentials["token"]
        if token == "down":
            raise ConnectionError("no database")
        if token == "hangs":
            await asyncio.sleep(60)
        if token in ("closed", "unknown"):
            raise Refused(token, final=token == "closed")
        return token, time.time() + 60, None


OK = {"ok": True}
ANN = {"identity": "ann", "quietForMs": 0}


class Wire(TestCase):
    """What a browser hears: the metadata of `_line`, and close codes."""

    async def heard(self, *credentials):
        line = WebsocketCommunicator(Line.as_asgi(), "/line")
        await line.connect()
        for metadata in credentials:
            await line.send_json_to({"event": "_line:auth", "metadata": metadata})
        heard = []
        while not await line.receive_nothing(timeout=0.2):
            message = await line.receive_output()
            if message["type"] == "websocket.close":
                return [*heard, message["code"]]
            heard.append(json.loads(message["text"])["metadata"])
        await line.disconnect()
        return heard

    def assert_heard(self, credentials, expected):
        self.assertEqual(async_to_sync(self.heard)(*credentials), expected)

    def test_says_whom_it_let_in(self):
        self.assert_heard([{"token": "ann", "cursor": 7}], [OK, ANN])
        self.assert_heard([{"token": "ann", "_line": {"identity": "ann"}}] * 2, [OK, ANN, OK, ANN])

    def test_another_users_credentials_are_refused_with_a_code(self):
        wrong = {"ok": False, "message": "these credentials are somebody else's", "code": "wrong-identity"}
        self.assert_heard([{"token": "bob", "_line": {"identity": "ann"}}], [wrong, 4401])
        renewed = [{"token": "ann"}, {"token": "ann", "_line": {"identity": "bob"}}]
        self.assert_heard(renewed, [OK, ANN, wrong, 4401])

    def test_who_does_not_say_is_let_in(self):
        for field in (None, 7, "ann", [], {}, {"identity": 7}):
            with self.subTest(field=field):
                self.assert_heard([{"token": "ann", "_line": field}], [OK, ANN])

    def test_what_cannot_be_checked_now_is_no_refusal(self):
        with self.settings(LINE_AUTHENTICATE_SECONDS=0.05), self.assertLogs("line.consumer", "ERROR"):
            for token in ("down", "hangs"):
                with self.subTest(token=token):
                    self.assert_heard([{"token": token}], [1013])
                    later = {"ok": False, "message": "the server can't check the credentials now", "code": "unavailable"}
                    self.assert_heard([{"token": "ann"}, {"token": token}], [OK, ANN, later])

    def test_a_refusal_that_is_final(self):
        closed = {"ok": False, "message": "closed", "final": True}
        self.assert_heard([{"token": "closed"}], [closed, 4403])
        self.assert_heard([{"token": "unknown"}], [{"ok": False, "message": "unknown"}, 4401])
