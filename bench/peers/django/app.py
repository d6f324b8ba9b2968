"""Django with djangorestframework-simplejwt: its sign-in at /api/token/, and no more of Django than that needs.

`python prepare.py` makes the database with its one user; `gunicorn app:application` serves.
"""

import os

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.wsgi import get_wsgi_application
from django.urls import path


class Hasher(Argon2PasswordHasher):
    """At our parameters."""

    memory_cost = 19456
    time_cost = 2
    parallelism = 1


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"], "CONN_MAX_AGE": None}
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    PASSWORD_HASHERS=["app.Hasher"],
    ROOT_URLCONF="app",
    SECRET_KEY="the key of a benchmark, which signs nothing else",
    USE_TZ=True,
)
application = get_wsgi_application()

# The views can be imported only after the settings and the models are loaded.
from rest_framework_simplejwt.views import TokenObtainPairView  # noqa: E402

urlpatterns = [path("api/token/", TokenObtainPairView.as_view())]
