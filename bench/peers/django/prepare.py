"""Makes the database of app.py, with its one user, and prints the user's hash.

The hash is Django's own: one with our salt, which is shorter, it would replace at the first sign-in.
"""

import sys

import app  # noqa: F401
from django.contrib.auth.models import User
from django.core.management import call_command

_, name, password = sys.argv
call_command("migrate", verbosity=0)
print(User.objects.create_user(name, password=password).password)
