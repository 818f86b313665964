import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bank.settings")
http = get_asgi_application()  # before anything that needs the settings

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402

if settings.EXAMPLE_TESTS:
    from .testing import CountedLine as BankLine  # noqa: E402
else:
    from .live import BankLine  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter([path("line", BankLine.as_asgi())])})
