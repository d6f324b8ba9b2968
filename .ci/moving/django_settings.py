# The check appends this to the settings of a new project.
import pymysql
from django.contrib.auth import hashers

pymysql.install_as_MySQLdb()
names = ["PBKDF2", "PBKDF2SHA1", "Argon2", "BCrypt", "BCryptSHA256", "Scrypt", "MD5"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in names]
# Django's own number of iterations takes a second for each user, and the check does not need it.
hashers.PBKDF2PasswordHasher.iterations = 20_000
