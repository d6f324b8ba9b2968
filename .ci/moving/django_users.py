"""Creates users in a real Django project, for `manage.py shell`: one for each of Django's hashers, and some that are not
like the others.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

User = get_user_model()
PASSWORD = "correct horse battery staple"


def create(username, password, hasher="default", **fields):
    email = fields.pop("email", f"{username.lower()}@example.com")
    user = User(username=username, email=email, **fields)
    user.password = make_password(password, hasher=hasher)
    user.save()


create("ann", PASSWORD, first_name="Ann", last_name="Lee")
create("Zoë", "pässwörd ☃", email="Zoe@Example.com")
for hasher in ["pbkdf2_sha1", "argon2", "bcrypt", "bcrypt_sha256", "scrypt"]:
    create(hasher, f"brought along by {hasher}", hasher=hasher)
create("left", PASSWORD, is_active=False)
create("unusable", None)
# Rejected by the import: another user has this address.
create("twin", PASSWORD, email="ann@example.com")
# Imported all the same: a hasher that Django no longer recommends, and a username of digits.
create("ancient", PASSWORD, hasher="md5")
create("12345", PASSWORD)
User.objects.create_superuser("root", "root@example.com", PASSWORD)
