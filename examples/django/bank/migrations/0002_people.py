from django.db import migrations

PEOPLE = {
    "ann": ("Ann", {"Everyday": 248_350, "Savings": 1_204_000}),
    "bob": ("Bob", {"Everyday": 91_275, "Holidays": 63_500}),
}
PAST = [("Opening balance", None), ("Corner Bakery", -640), ("City Transit", -2_900), ("Oakline Records", -1_850)]


def fill(apps, schema_editor):
    User = apps.get_model("auth", "User")
    Account = apps.get_model("bank", "Account")
    Transaction = apps.get_model("bank", "Transaction")
    for username, (name, accounts) in PEOPLE.items():
        user = User.objects.create(username=username, first_name=name, password="!")
        for account_name, balance in accounts.items():
            account = Account.objects.create(user=user, name=account_name, balance=balance)
            opening = balance - sum(amount for _, amount in PAST if amount)
            for counterparty, amount in PAST:
                Transaction.objects.create(account=account, counterparty=counterparty, amount=amount or opening)


class Migration(migrations.Migration):
    dependencies = [("bank", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
