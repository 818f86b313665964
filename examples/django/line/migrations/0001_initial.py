from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="EndedSession",
            fields=[
                ("id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("ended_at", models.FloatField(db_index=True)),
            ],
        ),
    ]
