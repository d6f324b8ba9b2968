"""Writes users of DatePoll as the JSON lines that the page has MariaDB write, with passwords hashed as DatePoll does."""

import json

import bcrypt


def php(password, user_id):
    """The output of PHP's password_hash for a password that the user's id is appended to."""
    return bcrypt.hashpw(f"{password}{user_id}".encode(), bcrypt.gensalt(10)).decode().replace("$2b$", "$2y$", 1)


columns = "id username password activated force_password_change firstname surname created_at updated_at email".split()
created = "2019-09-23 15:00:00"
sample = "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6"
rows = [
    [33, "st.huber", sample, 1, 0, "Stefan", "Huber", created, created, "st.huber@example.com"],
    [34, "m.maier", php("pässwörd ☃", 34), 1, 0, "Maria", "Maier", created, created, None],
    [35, "waiting", php("Password1234!", 35), 0, 0, "Wolf", "Berg", created, created, "waiting@example.com"],
    [36, "changer", php("Password1234!", 36), 1, 1, "Chris", "Tal", created, created, "changer@example.com"],
    [37, "nopass", "Null", 1, 0, "Nora", "Feld", created, created, "nora@example.com"],
    # DatePoll accepted any password for this user: the column has no hash.
    [38, "plain", "secret", 1, 0, "Paul", "Au", created, created, "paul@example.com"],
    # Two users of one family share an address.
    [39, "child", php("Password1234!", 39), 1, 0, "Kim", "Huber", created, created, "st.huber@example.com"],
]
for row in rows:
    print(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False))
