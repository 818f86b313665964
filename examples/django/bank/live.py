"""The bank's line: whom it lets into which topic."""

import uuid

from channels.db import database_sync_to_async

from line.consumer import LineConsumer

from .input import row_id
from .models import Account


class BankLine(LineConsumer):
    async def may_join(self, user_id, topic):
        kind, _, account_id = topic.partition(":")
        if kind != "account":
            return "there is no such topic"
        return await database_sync_to_async(is_owner)(user_id, account_id) or "it is not your account"

    async def hear(self, user_id, event, data):
        text = data.get("text") if isinstance(data, dict) else None
        if event != "chat:say":
            return await super().hear(user_id, event, data)
        if not isinstance(text, str) or text == "":
            return {"ok": False, "code": "empty", "message": "Write something first"}
        return {"id": uuid.uuid4().hex}


def is_owner(user_id, account_id):
    try:
        return Account.objects.filter(id=row_id(account_id), user=user_id).exists()
    except ValueError:
        return False
