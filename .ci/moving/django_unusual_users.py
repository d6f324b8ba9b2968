"""Creates a user of a Django project for each of TEXTS, for `manage.py shell`. `dumps` defines TEXTS and PASSWORD."""

from datetime import datetime, timedelta, timezone

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

User = get_user_model()
moment = datetime(2024, 2, 29, 23, 59, 59, 123456, timezone.utc)
password_hash = make_password(PASSWORD)
User.objects.bulk_create(
    User(
        username=f"unusual{number} {text}" if text.isprintable() else f"unusual{number}",
        email="" if number % 5 == 4 else f"unusual{number}@example.com",
        password=password_hash,
        first_name=text,
        last_name=f"x{text}",
        is_active=number % 7 != 6,
        date_joined=moment + timedelta(days=number, microseconds=number),
        last_login=None if number % 2 else moment,
    )
    for number, text in enumerate(TEXTS)
)
