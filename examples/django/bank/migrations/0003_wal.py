from django.db import migrations


def use_wal(apps, schema_editor):
    # Readers and writers need not wait for each other: each event makes all tabs read. SQLite keeps it in the file.
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")


class Migration(migrations.Migration):
    # SQLite changes it outside of transactions only.
    atomic = False
    dependencies = [("bank", "0002_people")]
    operations = [migrations.RunPython(use_wal, migrations.RunPython.noop)]
