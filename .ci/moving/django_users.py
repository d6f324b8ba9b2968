"""Makes users in a real Django project, for `manage.py shell`: one for each hasher that Django has, and the odd ones."""

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

User = get_user_model()


def create(username, password, hasher="default", **fields):
    email = fields.pop("email", f"{username.lower()}@example.com")
    user = User(username=username, email=email, **fields)
    user.password = make_password(password, hasher=hasher)
    user.save()


create("ann", "correct horse battery staple", first_name="Ann", last_name="Lee")
create("Zoë", "pässwörd ☃", email="Zoe@Example.com")
for hasher in ["pbkdf2_sha1", "argon2", "bcrypt", "bcrypt_sha256", "scrypt"]:
    create(hasher, f"brought along by {hasher}", hasher=hasher)
create("left", "correct horse battery staple", is_active=False)
create("unusable", None)
# What cannot come along: an address that somebody else has.
create("twin", "correct horse battery staple", email="ann@example.com")
# What comes along all the same: a hasher that is none any more, digits as a name.
create("ancient", "correct horse battery staple", hasher="md5")
create("12345", "correct horse battery staple")
User.objects.create_superuser("root", "root@example.com", "correct horse battery staple")
