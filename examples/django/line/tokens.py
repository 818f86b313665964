"""Tokens for the line: short-lived, signed with the project's SECRET_KEY, and kept nowhere."""

import time

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

_signer = TimestampSigner(salt="line")


class Refused(Exception):
    """The reason why credentials are refused. The browser shows it. If it is final, it does not try again by itself."""

    def __init__(self, reason, final=False):
        super().__init__(reason)
        self.final = final


def _life():
    """How long a token is valid, in seconds."""
    return getattr(settings, "LINE_TOKEN_SECONDS", 900)


def make_token(user_id):
    """The result of the page's `auth`. `expiresAt` (ms) lets the browser renew the token in time."""
    expires_at = int(time.time()) + _life()
    token = _signer.sign_object({"user": user_id, "expiresAt": expires_at})
    return {"token": token, "expiresAt": expires_at * 1000}


def read_token(token):
    """The token's user, and when it ends (seconds since 1970)."""
    if not isinstance(token, str):
        raise Refused("no token was sent")
    try:
        session = _signer.unsign_object(token, max_age=_life())
    except SignatureExpired:
        raise Refused("the token has expired") from None
    except (BadSignature, ValueError):
        raise Refused("the token is not one of ours") from None
    return session["user"], session["expiresAt"]
