"""For the tests alone (EXAMPLE_TESTS=1): a line that counts, and that sends what it should not."""

import json

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from line.events import emit_to_topic, end_topic, group_of

from .live import BankLine

# Of this process: connections that are open, that were opened in all, and credentials that were sent over them.
counts = {"open": 0, "opened": 0, "authenticated": 0}


class CountedLine(BankLine):
    async def connect(self):
        counts["open"] += 1
        counts["opened"] += 1
        await super().connect()

    async def disconnect(self, code):
        counts["open"] -= 1
        await super().disconnect(code)

    async def authenticate(self, credentials):
        counts["authenticated"] += 1
        await super().authenticate(credentials)

    async def line_raw(self, message):
        if message["binary"]:
            await self.send(bytes_data=message["data"].encode())
        else:
            await self.send(text_data=message["data"])


@csrf_exempt
def raw(request):
    """Sends a frame as it is to a user's browsers."""
    body = json.loads(request.body)
    message = {"type": "line.raw", "data": body["data"], "binary": body.get("binary", False)}
    async_to_sync(get_channel_layer().group_send)(group_of(body["user"]), message)
    return HttpResponse(status=204)


@csrf_exempt
def topic(request):
    """Emits to a topic, or takes a user out of it."""
    body = json.loads(request.body)
    if "user" in body:
        end_topic(body["user"], body["topic"], "the account is closed")
    else:
        emit_to_topic(body["topic"], body["event"], body["metadata"])
    return HttpResponse(status=204)


urlpatterns = [path("counts", lambda request: JsonResponse(counts)), path("raw", raw), path("topic", topic)]
