"""Tokens for the line: short-lived, signed with the project's SECRET_KEY. Only those that end early are kept, until they would have."""

import hashlib
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


def session_id_of(request):
    """Names the browser's session in its tokens. Hashed: whoever reads a token must not get the session's cookie."""
    key = request.session.session_key
    return hashlib.sha256(f"line:{key}".encode()).hexdigest()[:40] if key else None


def make_token(user_id, session_id=None):
    """
    The result of the page's `auth`. `expiresAt` (ms) lets the browser renew the token in time.

    `session_id`: `session_id_of(request)`, so that `end_session` ends the token, too.
    """
    expires_at = int(time.time()) + _life()
    token = _signer.sign_object({"user": user_id, "expiresAt": expires_at, "session": session_id})
    return {"token": token, "expiresAt": expires_at * 1000}


def read_token(token):
    """The token's user, when it ends (seconds since 1970), and its session. Whether that has ended is not looked up."""
    if not isinstance(token, str):
        raise Refused("no token was sent")
    try:
        session = _signer.unsign_object(token, max_age=_life())
    except SignatureExpired:
        raise Refused("the token has expired") from None
    except (BadSignature, ValueError):
        raise Refused("the token is not one of ours") from None
    return session["user"], session["expiresAt"], session["session"]


def mark_ended(session_id):
    from .models import EndedSession

    # Older ones have no token that is still good.
    EndedSession.objects.filter(ended_at__lt=time.time() - _life()).delete()
    EndedSession.objects.update_or_create(id=session_id, defaults={"ended_at": time.time()})


def check_session(session_id):
    """Raises `Refused` for a session that has ended."""
    from .models import EndedSession

    if session_id is not None and EndedSession.objects.filter(id=session_id).exists():
        raise Refused("the session has ended")
