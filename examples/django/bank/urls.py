from pathlib import Path

from django.conf import settings
from django.urls import include, path, re_path
from django.views.static import serve

from . import views
from .views import api

urlpatterns = [
    path("api/session", api(get=views.who_am_i, post=views.sign_in, delete=views.sign_out)),
    path("api/line-token", api(post=views.line_token)),
    path("api/accounts", api(get=views.accounts)),
    path("api/accounts/<account_id>/balance", api(get=views.balance)),
    path("api/transactions", api(get=views.transactions)),
    path("api/payments", api(post=views.payment)),
]
if settings.EXAMPLE_TESTS:
    urlpatterns += [path("tests/", include("bank.testing"))]

# The built page. In production this is your web server's work.
page = {"document_root": str(Path(settings.BASE_DIR) / "page" / "dist")}
urlpatterns += [path("", serve, {**page, "path": "index.html"}), re_path(r"^(?P<path>.+)$", serve, page)]
