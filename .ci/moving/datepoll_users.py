"""Makes the JSON lines of a DatePoll database's users, as the page has MariaDB write them, hashed as DatePoll does."""

import json

import bcrypt


def php(password, user_id):
    """What PHP's password_hash makes of a password with the user's id at its end."""
    return bcrypt.hashpw(f"{password}{user_id}".encode(), bcrypt.gensalt(10)).decode().replace("$2b$", "$2y$", 1)


columns = "id username password activated force_password_change firstname surname created_at updated_at email".split()
made = "2019-09-23 15:00:00"
sample = "$2y$10$abcdefghijklmnopqrstuuTNk2TG.5YzeKDfsFTccKMbtkTqCpxU6"
rows = [
    [33, "st.huber", sample, 1, 0, "Stefan", "Huber", made, made, "st.huber@example.com"],
    [34, "m.maier", php("pässwörd ☃", 34), 1, 0, "Maria", "Maier", made, made, None],
    [35, "waiting", php("Password1234!", 35), 0, 0, "Wolf", "Berg", made, made, "waiting@example.com"],
    [36, "changer", php("Password1234!", 36), 1, 1, "Chris", "Tal", made, made, "changer@example.com"],
    [37, "nopass", "Null", 1, 0, "Nora", "Feld", made, made, "nora@example.com"],
    # To DatePoll this was a password that any other would do for.
    [38, "plain", "secret", 1, 0, "Paul", "Au", made, made, "paul@example.com"],
    # A family's address, which two have.
    [39, "child", php("Password1234!", 39), 1, 0, "Kim", "Huber", made, made, "st.huber@example.com"],
]
for row in rows:
    print(json.dumps(dict(zip(columns, row)), ensure_ascii=False))
