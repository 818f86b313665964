from django.db import models


class EndedSession(models.Model):
    """A session that was signed out while a token of it may still be good."""

    id = models.CharField(max_length=40, primary_key=True)
    # Seconds since 1970.
    ended_at = models.FloatField(db_index=True)
