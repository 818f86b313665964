"""The REST API: any Django views. They know nothing of sockets, but for the token that opens one."""

from functools import wraps

from django.contrib.auth import get_user_model, login, logout
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie

from line.events import end_session, origin_of
from line.tokens import make_token, session_id_of

from .input import body_of, cents, row_id, text
from .models import Account, Transaction
from .payments import Refusal, pay


def api(**methods):
    """A view from one function for each method. Everything but `anybody`'s is for who is signed in."""

    @never_cache
    @ensure_csrf_cookie
    def view(request, **arguments):
        try:
            handle = methods.get(request.method.lower())
            if handle is None:
                raise Refusal(405, "That can't be done here.")
            if not getattr(handle, "anybody", False):
                check_user(request)
            answer, status = handle(request, **arguments), 200
        except Refusal as refusal:
            answer, status = {"error": str(refusal)}, refusal.status
        return JsonResponse(answer, safe=False, status=status)

    return view


def anybody(handle):
    handle.anybody = True
    return handle


def check_user(request):
    if not request.user.is_authenticated:
        raise Refusal(401, "Please sign in.")
    # The page says on whose behalf it asks: after someone else signed in in another tab, the cookie is theirs.
    if request.headers.get("x-user", str(request.user.id)) != str(request.user.id):
        raise Refusal(401, "Somebody else is signed in now.")


def takes(**fields):
    """Reads the body: each field by a function that throws a ValueError if it is no good."""

    def decorate(handle):
        @wraps(handle)
        def read(request, **arguments):
            try:
                body = body_of(request)
                values = {name: convert(body[name]) for name, convert in fields.items()}
            except (ValueError, KeyError):
                raise Refusal(400, "The request was not understood.") from None
            return handle(request, **values, **arguments)

        return read

    return decorate


def as_user(user):
    return {"id": str(user.id), "name": user.first_name}


def as_transaction(row):
    return {
        "id": str(row.id),
        "accountId": str(row.account_id),
        "amount": row.amount,
        "counterparty": row.counterparty,
        "createdAt": row.created_at.isoformat(),
    }


@anybody
def who_am_i(request):
    return as_user(request.user) if request.user.is_authenticated else None


@anybody
@takes(name=text)
def sign_in(request, name):
    # An example: there are no passwords. Yours are checked here.
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise Refusal(404, "There is no such person at this bank.")
    end_line(request)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return as_user(user)


@anybody
def sign_out(request):
    end_line(request)
    logout(request)
    return None


def end_line(request):
    """What is open of this session, and the tokens that are out. Before the session, which would give new ones."""
    if request.user.is_authenticated:
        end_session(request.user.id, session_id_of(request))


def line_token(request):
    return make_token(request.user.id, session_id_of(request))


def accounts(request):
    return [{"id": str(row.id), "name": row.name} for row in Account.objects.filter(user=request.user).order_by("id")]


def balance(request, account_id):
    try:
        account = Account.objects.filter(id=row_id(account_id), user=request.user).first()
    except ValueError:
        account = None
    if account is None:
        raise Refusal(404, "You have no such account.")
    return {"accountId": str(account.id), "amount": account.balance}


def transactions(request):
    rows = Transaction.objects.filter(account__user=request.user)
    account_id = request.GET.get("accountId")
    if account_id:
        try:
            rows = rows.filter(account_id=row_id(account_id))
        except ValueError:
            raise Refusal(400, "The request was not understood.") from None
    return [as_transaction(row) for row in rows[:10]]


@takes(fromAccountId=row_id, amount=cents, to=text)
def payment(request, fromAccountId, amount, to):
    return as_transaction(pay(request.user, fromAccountId, amount, to, origin_of(request)))
