import uuid
from types import SimpleNamespace

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.test import TestCase

from .events import emit_event, group_of, origin_of
from .tokens import Refused, make_token, read_token


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
        frame = '{"event": "seen", "metadata": {"a": 1, "_line": {"id": 3, "origin": "t.1", "spreadMs": 500}}}'
        self.assertEqual(self.frames("ann", "seen", {"a": 1}, id=3, origin="t.1", spread_ms=500), [frame])

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
    def test_only_what_can_be_a_name(self):
        for header, origin in {"t-1.9": "t-1.9", "": None, "a b": None, "ä": None, "x" * 101: None, "a\n": None}.items():
            request = SimpleNamespace(headers={"x-partyline-origin": header})
            self.assertEqual(origin_of(request), origin)
        self.assertIsNone(origin_of(SimpleNamespace(headers={})))


class Tokens(TestCase):
    def test_there_and_back(self):
        for user_id in (7, "ann@example.com"):
            made = make_token(user_id)
            self.assertEqual(read_token(made["token"]), (user_id, made["expiresAt"] / 1000))

    def test_refuses_all_others(self):
        token = make_token(7)["token"]
        for bad in (None, 7, {}, "", "x", token[:-1], "A" + token):
            with self.subTest(bad=bad), self.assertRaises(Refused):
                read_token(bad)

    def test_refuses_what_has_expired(self):
        with self.settings(LINE_TOKEN_SECONDS=-1), self.assertRaisesMessage(Refused, "expired"):
            read_token(make_token(7)["token"])
