"""A small bank, for Django 3.2 and later. What its line needs is marked; the rest is any project's."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = os.environ.get

DEBUG = ENV("DJANGO_DEBUG", "1") == "1"
# Good for an example on your own machine, and for nothing else.
SECRET_KEY = ENV("DJANGO_SECRET_KEY", "not-a-secret" if DEBUG else "")
ALLOWED_HOSTS = ENV("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")

# `daphne` before all others: it makes `manage.py runserver` speak WebSocket.
INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "line", "bank"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "bank.urls"
ASGI_APPLICATION = "bank.asgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ENV("DATABASE_PATH", str(BASE_DIR / "db.sqlite3")),
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

# The line: one process needs no Redis, more than one do. What is beyond the capacity is dropped in silence, and a
# browser would never know; Channels' own default is 100 events in the queue of a whole process.
REDIS_URL = ENV("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "capacity": 10_000},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}
}
# For how long a token for the line is good, how long a connection may stay silent before it sends one, and how long the
# look-up of it may take.
LINE_TOKEN_SECONDS = int(ENV("LINE_TOKEN_SECONDS", "900"))
LINE_PATIENCE_SECONDS = float(ENV("LINE_PATIENCE_SECONDS", "30"))
LINE_AUTHENTICATE_SECONDS = float(ENV("LINE_AUTHENTICATE_SECONDS", "10"))

# Counts connections and breaks frames on demand, for the tests.
EXAMPLE_TESTS = ENV("EXAMPLE_TESTS") == "1"
