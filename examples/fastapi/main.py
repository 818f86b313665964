"""Notes on FastAPI: a REST API, and one plain WebSocket for each browser."""

import uuid

import store
from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from line import Line, Refused, origin_of

app = FastAPI()


async def authenticate(credentials):
    # Yours asks a database, so not on the event loop.
    session = await run_in_threadpool(store.read_token, credentials.get("token"))
    if session is None:
        raise Refused("token unknown or expired")
    return session


async def may_join(user_id, topic):
    return topic == "board" or "there is no such topic"


async def hear(user_id, event, data):
    """What a page sends by `line.send`. What it gives is the acknowledgement; `ok: False` says no."""
    if event != "chat:say":
        return {"ok": False, "code": "unknown", "message": "there is no such event"}
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(text, str) or text == "":
        return {"ok": False, "code": "empty", "message": "Write something first"}
    return {"id": uuid.uuid4().hex}


line = Line(authenticate, may_join, hear)


@app.websocket("/line")
async def serve_line(socket: WebSocket):
    await line.serve(socket)


@app.api_route("/line", methods=["GET", "POST"])
async def serve_stream(request: Request):
    """For pages with `transport: 'sse'`. An app needs one of the two."""
    return await line.serve_stream(request)


class Name(BaseModel):
    name: str


class Text(BaseModel):
    text: str


def signed_in(session: str = Cookie(default="")):
    user = store.user_of(session)
    if user is None:
        raise HTTPException(401)
    return user


@app.get("/api/session")
def who_am_i(session: str = Cookie(default="")):
    user = store.user_of(session)
    return {"id": user} if user else None


@app.post("/api/session")
def sign_in(body: Name, response: Response):
    # An example: there are no passwords.
    if body.name not in store.USERS:
        raise HTTPException(401)
    response.set_cookie("session", store.begin_session(body.name), httponly=True, samesite="lax")
    return {"id": body.name}


@app.delete("/api/session")
async def sign_out(response: Response, session: str = Cookie(default="")):
    # First the session, so that its tokens are refused; then what is open.
    store.end_session(session)
    line.end_session(session)
    response.delete_cookie("session")
    return None


@app.post("/api/line-token", dependencies=[Depends(signed_in)])
def line_token(session: str = Cookie(default="")):
    return store.make_token(session)


@app.get("/api/note")
def note(user: str = Depends(signed_in)):
    return {"text": store.load()["notes"].get(user, "")}


@app.put("/api/note")
async def write_note(body: Text, request: Request, user: str = Depends(signed_in)):
    store.change(lambda data: data["notes"].update({user: body.text}))
    line.emit_event(user, "note_changed", origin=origin_of(request.headers))
    return {"text": body.text}


@app.get("/api/board", dependencies=[Depends(signed_in)])
def board():
    return {"text": store.load()["board"]}


@app.put("/api/board", dependencies=[Depends(signed_in)])
async def write_board(body: Text, request: Request):
    store.change(lambda data: data.update(board=body.text))
    line.emit_to_topic("board", "board_changed", origin=origin_of(request.headers))
    return {"text": body.text}
