"""A stand-in for your database: one JSON file. Sessions outlive a restart; tokens do not, and need not."""

import json
import os
import secrets
import threading
import time

FILE = os.environ.get("DATA_FILE", "data.json")
TOKEN_SECONDS = int(os.environ.get("LINE_TOKEN_SECONDS", "900"))
USERS = ("ann", "bob")
tokens = {}
lock = threading.Lock()


def load():
    try:
        with open(FILE) as file:
            return json.load(file)
    except FileNotFoundError:
        return {"sessions": {}, "notes": {}, "board": ""}


def change(edit):
    with lock:
        data = load()
        edit(data)
        with open(f"{FILE}.new", "w") as file:
            json.dump(data, file)
        os.replace(f"{FILE}.new", FILE)


def begin_session(user):
    session = secrets.token_urlsafe()
    change(lambda data: data["sessions"].update({session: user}))
    return session


def end_session(session):
    change(lambda data: data["sessions"].pop(session, None))


def user_of(session):
    return load()["sessions"].get(session)


def make_token(session):
    """What the page's `auth` gives: short-lived, and of one session."""
    now = time.time()
    for token in [token for token, (_, end) in tokens.items() if end < now]:
        del tokens[token]
    token, expires_at = secrets.token_urlsafe(), now + TOKEN_SECONDS
    tokens[token] = session, expires_at
    return {"token": token, "expiresAt": int(expires_at * 1000)}


def read_token(token):
    """The token's user, its end and its session; None for one that is not good."""
    session, expires_at = tokens.get(token, (None, 0)) if isinstance(token, str) else (None, 0)
    user = user_of(session)
    return (user, expires_at, session) if user and time.time() < expires_at else None
