
import pymysql
from django.contrib.auth import hashers

pymysql.install_as_MySQLdb()
names = ["PBKDF2", "PBKDF2SHA1", "Argon2", "BCrypt", "BCryptSHA256", "Scrypt", "MD5"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in names]
# These take no part in what is checked, and Django's own number takes a second each.
hashers.PBKDF2PasswordHasher.iterations = 20_000
