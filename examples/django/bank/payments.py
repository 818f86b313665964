"""What changes the bank's data, and tells who it concerns."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F

from line.events import emit_event

from .models import Account, Transaction


class Refusal(Exception):
    """A no, as one sentence for people."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def book(account, amount, counterparty, origin=None):
    # The first statement writes, so that no two payments can spend the same money.
    Account.objects.filter(id=account.id).update(balance=F("balance") + amount)
    booked = Transaction.objects.create(account=account, amount=amount, counterparty=counterparty)
    # Where the change is made. Nobody hears of it before the commit, and nobody at all if it is rolled back.
    changed = {"accountId": str(account.id)}
    emit_event(account.user_id, "balance_updated", changed, origin=origin)
    emit_event(account.user_id, "transaction_happened", changed, origin=origin)
    return booked


def pay(user, account_id, amount, to, origin):
    account = Account.objects.filter(id=account_id, user=user).first()
    if account is None:
        raise Refusal(404, "You have no such account.")
    with transaction.atomic():
        paid = book(account, -amount, to, origin)
        # To somebody who banks here too? The request is none of theirs.
        payee = get_user_model().objects.filter(username=to.lower()).first()
        theirs = Account.objects.filter(user=payee).order_by("id").first() if payee else None
        if theirs:
            book(theirs, amount, user.first_name)
        account.refresh_from_db()
        if account.balance < 0:
            # Takes back everything above, the events included.
            raise Refusal(422, "There is not enough money in this account.")
    return paid
