#!/usr/bin/env python3
"""Starts a real MariaDB and a real PostgreSQL, fills them and SQLite with the products' own schemas and with odd users, has
their own tools dump them in every form that people have, and imports each dump into an empty table. Each form must give
the users that the command of the page docs/moving-from-*.md gives.

    .ci/moving/servers.py PYTHON [DATABASE ...]

PYTHON is a Python that has Django, its hashers, psycopg, pymysql and PyYAML. Needs what .ci/moving/install installs, and Node.
The servers listen on sockets in a temporary folder. They end with this program, whatever ends it.
"""

import contextlib
import glob
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAPLE = "correct horse battery staple"

# What cuts rows in the wrong place, and what stands for something else somewhere.
TEXTS = [
    "O'Neil", 'She said "hi"', '"', "back\\slash", "trailing\\", "\\'", "line\nbreak", "two\r\nlines", "tab\there",
    "semi;colon",
    "(1), ('x')", "-- comment /* x */ #", "😀 ☃ ß İ", "", "NULL", "\\N", "\\.", "$$ $tag$", "'; DROP TABLE users; --",
    'comma, "quote"', "\\n \\t \\0", "%s {} &amp; <b> ]]>", " spaces ", "0x41", "[1, {}]", "- x: y",
    "\u2028", "a\\\nb", "{", "_binary 'x'",
]


def no_null(text):
    """A text that is what a database writes for null counts as not there."""
    return None if text in ("NULL", "\\N") else text


def no_null_word(text):
    return None if text == "NULL" else text


def no_return(text):
    """In XML a line ends with a line feed."""
    return text.replace("\r\n", "\n")


@dataclass
class Form:
    """A form of dump: the file's name, and the command that writes it to standard output. `-` is standard input."""

    file: str
    command: str
    # What becomes of a text in this form; of all, nothing happens to most. `None` is no text.
    reads: object = None
    # It is not read, and the refusal names a command whose output is.
    way_out: bool = False
    # What the file does not tell of itself.
    written_by: str = ""


@dataclass
class Database:
    name: str
    # The arguments of `postern` before the file, and after it.
    importer: str
    options: str
    # What makes the users.
    fill: object
    # The command of the page, and the file that it writes.
    page: str
    file: str
    forms: list
    # The path and the body of a sign-in with an old password.
    sign_in: tuple


def of_mariadb(select):
    """The forms of MariaDB, of the database $DB, or of the users as this statement selects them."""
    client = "mariadb --init-command=\"SET time_zone = '+00:00'\" --default-character-set=utf8mb4"
    select = shlex.quote(select)
    phpmyadmin = f"python {shlex.quote(str(HERE / 'phpmyadmin.py'))} $DB"
    return [
        Form("plain.sql", "mariadb-dump $DB"),
        Form("-", "mariadb-dump $DB | gzip"),
        Form("databases.sql.zst", "mariadb-dump --databases $DB mysql | zstd -q"),
        Form("single.sql.xz", "mariadb-dump --complete-insert --skip-extended-insert $DB | xz"),
        Form("hex.sql", "mariadb-dump --hex-blob $DB"),
        Form("data.sql", "mariadb-dump --no-create-info --complete-insert $DB"),
        Form("compact.sql", "mariadb-dump --compact --replace $DB"),
        Form("compatible.sql", "mariadb-dump --compatible=ansi --default-character-set=utf8mb4 $DB"),
        Form("dump.xml.gz", "mariadb-dump --xml $DB | gzip", no_return),
        Form("select.xml", f"{client} -X $DB -e {select}", no_return),
        Form("batch.tsv", f"{client} -B $DB -e {select}", no_null_word, written_by="mysql"),
        Form("phpmyadmin.csv", f"{phpmyadmin} {select}"),
        Form("phpmyadmin.json.zst", f"{phpmyadmin} | zstd -q"),
    ]


def of_postgresql(table, others):
    return [
        Form("plain.sql", "pg_dump"),
        Form("-", "pg_dump | zstd -q"),
        Form("clean.sql.gz", "pg_dump --clean --if-exists --create --no-owner | gzip"),
        Form("inserts.sql.xz", "pg_dump --inserts | xz"),
        Form("columns.sql", "pg_dump --column-inserts"),
        Form("rows.sql", "pg_dump --rows-per-insert=50"),
        Form("data.sql", "pg_dump --data-only"),
        Form("table.sql", f"pg_dump --table {table} --inserts --on-conflict-do-nothing --quote-all-identifiers --no-comments"),
        Form("rows.jsonl", f"psql -Atc 'SELECT row_to_json(u) FROM {table} u'"),
        Form("cluster.sql", f"pg_dumpall --exclude-database='{others}*'"),
        Form("table.csv.gz", f"psql -c '\\copy {table} to stdout csv header' | gzip", no_null),
        Form("select.csv", f"psql --csv -c 'SELECT * FROM {table}'", no_null),
        Form("dump.custom", "pg_dump -Fc", way_out=True),
        Form("dump.tar", "pg_dump -Ft", way_out=True),
    ]


def of_sqlite(file, table):
    select = f"'SELECT * FROM \"{table}\"'"
    return [
        Form("dump.sql", f"sqlite3 {file} .dump"),
        Form("-", f"sqlite3 {file} .dump | xz"),
        Form("table.sql.gz", f"sqlite3 {file} '.dump \"{table}\"' | gzip"),
        Form("rows.json.zst", f"sqlite3 -json {file} {select} | zstd -q"),
        Form("rows.csv", f"sqlite3 -csv -header {file} {select}", no_null),
        Form("rows.sql", f"sqlite3 -header -cmd '.mode insert {table}' {file} {select}", written_by="sqlite"),
        Form("utf-16.csv", f"sqlite3 -csv -header {file} {select} | iconv -f UTF-8 -t UTF-16", no_null),
        Form("copy.sqlite", f"cat {file}", way_out=True),
    ]


OF_DJANGO = [
    Form("model.jsonl.zst", "python manage.py dumpdata $MODEL --format jsonl | zstd -q"),
    Form("everything.json", "echo Loading .env...; python manage.py dumpdata"),
    Form("model.xml", "python manage.py dumpdata $MODEL --format xml", no_return),
    Form("model.yaml.gz", "python manage.py dumpdata $MODEL --format yaml | gzip"),
]


def django(name, forms, uuid=False):
    def fill(job):
        job.project(uuid)
        users = [] if uuid else [(HERE / "django.py").read_text()]
        job.migrate(*users, f"TEXTS, STAPLE = {TEXTS!r}, {STAPLE!r}", (HERE / "odd.py").read_text())
        if job.server == "postgresql":
            job.run("psql -qf -", (HERE / "postgresql.sql").read_text())

    model = "users.user" if uuid else "auth.user"
    page = page_block("django", "python manage.py dumpdata").replace("auth.user", model)
    user = "odd0@example.com" if uuid else "ann@example.com"
    return Database(name, "django", "--new-ids" if uuid else "", fill, page, "users.json",
                    forms, ("/api/sign-in/", {"email": user, "password": STAPLE}))


def fill_datepoll(job):
    made = job.run(shlex.join(["python", str(HERE / "datepoll.py")]))
    rows = [json.loads(line) for line in made.splitlines()]
    sample = rows[0]
    rows += [
        sample | {
            "id": 1000 + n, "username": f"odd{n} {text}" if text.isprintable() else f"odd{n}", "firstname": text,
            "surname": text, "created_at": None if n % 3 == 0 else sample["created_at"], "email": f"odd{n}@example.com",
        }
        for n, text in enumerate(TEXTS)
    ]
    lacking = {"birthday": "1990-01-01", "streetname": "Gasse", "streetnumber": "1a", "zipcode": 3400,
               "location": "Wörth", "activity": "active", "bv_member": "no", "internal_comment": "it's; \"him\"\n"}
    sql = ["SET time_zone = '+00:00';", (HERE / "datepoll.sql").read_text()]
    for row in rows:
        email = row.pop("email")
        sql.append(insert("users", row | lacking))
        sql.append(insert("users_changes", {"property": "email", "new_value": email, "user_id": row["id"],
                                            "editor_id": row["id"]}))
        if email:
            # The oldest is the one that counts.
            for address in [email, f"second-{row['id']}@example.com"]:
                sql.append(insert("user_email_addresses", {"user_id": row["id"], "email": address}))
    job.run("mariadb --default-character-set=utf8mb4 $DB", "\n".join(sql))


def insert(table, row):
    def literal(value):
        match value:
            case None:
                return "NULL"
            case str():
                return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)"
            case _:
                return str(value)

    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(literal, row.values()))});"


def fill_freesewing(job):
    (job.folder / "freesewing.key").write_text("the key of the backend\n")
    made = job.run(shlex.join(["node", str(HERE / "freesewing.mjs"), "the key of the backend"]))
    rows = [json.loads(line) for line in made.splitlines()]
    with contextlib.closing(sqlite3.connect(job.folder / "db.sqlite")) as database, database:
        database.executescript((HERE / "freesewing.sql").read_text())
        for row in rows:
            places = ", ".join(f":{column}" for column in row)
            database.execute(f'INSERT INTO "User" ({", ".join(row)}) VALUES ({places})', row)
        database.execute("INSERT INTO \"Apikey\" (id, expiresAt, secret, userId) VALUES ('a', 1, '{}', 1)")


def fill_large(job):
    """Two thousand users in the table of Django, which `mariadb-dump` writes as one line."""
    job.project(False)
    job.migrate(f"TEXTS, STAPLE = {TEXTS!r} * {2000 // len(TEXTS)}, {STAPLE!r}", (HERE / "odd.py").read_text())


def databases():
    datepoll = page_block("datepoll", "mysql --init-command").replace(" datepoll >", " $DB >")
    return [
        Database("large-mariadb", "django", "", fill_large, page_block("django", "python manage.py dumpdata"), "users.json",
                 of_mariadb("SELECT * FROM auth_user")[:3], ("/api/sign-in/", {"email": "odd0@example.com", "password": STAPLE})),
        django("django-mariadb", of_mariadb("SELECT * FROM auth_user")),
        Database("datepoll-mariadb", "datepoll", "--drop-taken-emails", fill_datepoll, datepoll, "users.jsonl",
                 of_mariadb(page_block("datepoll", "SELECT", "sql")),
                 ("/api/auth/signin", {"username": "m.maier", "password": "pässwörd ☃"})),
        django("django-postgresql", of_postgresql("auth_user", "uuid") + OF_DJANGO),
        django("uuid-mariadb", of_mariadb("SELECT * FROM users_user"), uuid=True),
        django("uuid-postgresql", of_postgresql("users_user", "django"), uuid=True),
        django("django-sqlite", of_sqlite("db.sqlite3", "auth_user")),
        Database("freesewing-sqlite", "freesewing", "--encryption-key freesewing.key", fill_freesewing,
                 page_block("freesewing", "sqlite3 -json"), "users.json", of_sqlite("db.sqlite", "User"),
                 ("/signin", {"username": "jimmy", "password": STAPLE})),
    ]


def page_block(product, start, language="sh"):
    """The command of the product's page that begins so."""
    page = (ROOT / f"docs/moving-from-{product}.md").read_text()
    blocks = [textwrap.dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", page, re.M | re.S)]
    found = [block for block in blocks if block.startswith(start)]
    if len(found) != 1:
        sys.exit(f"the page about {product} has {len(found)} commands that begin with `{start}`")
    return found[0]


class Job:
    """A database, its dumps, and a deployment of its own that has a table for each."""

    def __init__(self, database, home, env):
        self.database = database
        self.folder = home / database.name
        self.folder.mkdir()
        self.db = database.name.replace("-", "_")
        product, _, server = database.name.partition("-")
        self.server = server
        self.env = env | {"DB": self.db, "PGDATABASE": self.db, "MODEL": "users.user" if product == "uuid" else "auth.user"}
        self.failures = []

    def say(self, line):
        print(f"{self.database.name:18}{line}", flush=True)

    def check(self):
        try:
            self.fill()
            with self.deployment():
                said, expected = self.import_by_page()
                for number, form in enumerate(self.database.forms):
                    self.try_form(form, f"form{number}", said, expected)
        except Failed as failed:
            self.failures.append(f"{self.database.name}: all")
            self.say(f"FAILED: {failed}")
        return self.failures

    def fill(self):
        began = time.monotonic()
        if self.server == "mariadb":
            self.run(f"mariadb -e 'CREATE DATABASE {self.db} CHARACTER SET utf8mb4'")
        if self.server == "postgresql":
            self.run(f"createdb {self.db}")
        self.database.fill(self)
        self.run(self.database.page)
        self.say(f"filled in {time.monotonic() - began:.1f} s")

    def import_by_page(self):
        """What the import says of the page's dump, and the users that it makes. One of them signs in."""
        self.since = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        importer, options = self.database.importer, self.database.options
        said, expected = self.imported(f"postern --json import {importer} {self.database.file} {options}")
        if len(expected) < 5:
            raise Failed(f"{len(expected)} users: {self.stderr}")
        path, body = self.database.sign_in
        try:
            urllib.request.urlopen(urllib.request.Request(self.url + path, json.dumps(body).encode())).close()
        except urllib.error.HTTPError as error:
            raise Failed(f"{body} does not sign in: {error}")
        self.say(f"{len(expected)} users by the page, counted as {said}")
        return said, expected

    def try_form(self, form, table, said, expected):
        began = time.monotonic()
        env = {"TABLE_NAME": table}
        expected = [as_read(user, form.reads) if form.reads else user for user in expected]
        try:
            file = "stdin" if form.file == "-" else form.file
            self.run(f"{form.command} > {file}")
            self.run("postern table create", env=env)
            importer = f"postern --json import {self.database.importer}"
            options = self.database.options + (f" --written-by {form.written_by}" if form.written_by else "")
            command = f"{importer} {form.file} {options}" + (" < stdin" if form.file == "-" else "")
            if form.way_out:
                command = self.way_out(command, importer, form.file, env)
            found_said, found = self.imported(command, env)
            if self.database.importer == "freesewing" and (form.file == "-" or form.way_out):
                # It takes a look through the whole file first.
                said = {**said, "warnings": {w: n for w, n in said["warnings"].items() if w != "perhaps hashed twice"}}
            if found_said != said:
                raise Failed(f"counted as {found_said}, and not {said}: {self.stderr}")
            for one, other in zip(found, expected):
                if one != other:
                    raise Failed(f"{one}\n    and not {other}")
            if len(found) != len(expected):
                raise Failed(f"{len(found)} users")
            self.say(f"{form.file:22}ok {time.monotonic() - began:.1f} s" + (f", `{command}`" if form.way_out else ""))
        except Failed as failed:
            self.failures.append(f"{self.database.name}: {form.file}")
            self.say(f"{form.file:22}FAILED: {failed}")

    def way_out(self, command, importer, file, env):
        """The command that the refusal of the file names."""
        done = self.bash(command, env=env)
        named = re.search(r"`([^`]+)`", done.stderr)
        if done.returncode == 0 or not named:
            raise Failed(f"no way out: {done.stderr}")
        before, piped, after = named[1].partition(" | postern import … -")
        if after:
            raise Failed(f"something follows the way out: {done.stderr}")
        if not piped:
            before = before.replace("FILE", file)
        return f"{before} | {importer} - {self.database.options}"

    def imported(self, command, env={}):
        """What the import says of the rows, and the users that are there after it."""
        done = self.bash(command, env=env)
        if done.returncode not in (0, 5):
            raise Failed(f"{command}: {done.stdout}{done.stderr}")
        said = json.loads(done.stdout)
        self.stderr = done.stderr
        said = {name: said[name] for name in ["imported", "rejected", "rejected_by_reason", "warnings"] if name in said}
        users = [json.loads(line) for line in self.run("postern export", env=env).split("\n") if line]
        for user in users:
            del user["epoch"]
            if self.database.options == "--new-ids":
                # They are given as the rows come.
                del user["id"]
            for member in ["created_at", "updated_at"]:
                if user[member] >= self.since:
                    user[member] = "the time of the import"
            user["password_hash"] = re.sub(r"^layered\$.*\$argon2.*", "layered", user.get("password_hash", ""))
        return said, sorted(users, key=lambda user: user.get("source_id", ""))

    @contextlib.contextmanager
    def deployment(self):
        with (self.folder / "local.log").open("w") as log:
            local = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "postern-local", "--no-demo-users", "--port", "0", "--dynamodb-port", "0"],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env=self.env,
            )
        try:
            for line in local.stdout:
                if line.startswith("DynamoDB API: "):
                    self.env["AWS_ENDPOINT_URL_DYNAMODB"] = line.split()[2].rstrip(",")
                if line.startswith("Ready: "):
                    self.url = line.split()[1]
                    break
            else:
                raise Failed((self.folder / "local.log").read_text())
            yield
        finally:
            local.terminate()
            local.wait()

    def bash(self, command, stdin="", env={}):
        return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, env=self.env | env,
                              input=stdin, capture_output=True, text=True)

    def run(self, command, stdin="", env={}):
        done = self.bash(command, stdin, env)
        if done.returncode:
            raise Failed(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def project(self, uuid):
        """A project as `django-admin startproject` makes it, on this server."""
        self.run("python -m django startproject shop .")
        settings = (HERE / "settings.py").read_text()
        server = {
            "mariadb": {"ENGINE": "django.db.backends.mysql", "NAME": self.db, "USER": "root", "HOST": self.env["MARIADB_SOCKET"],
                        "OPTIONS": {"charset": "utf8mb4"}},
            "postgresql": {"ENGINE": "django.db.backends.postgresql", "NAME": self.db},
        }.get(self.server)
        if server:
            settings += f"DATABASES = {{'default': {server!r}}}\n"
        if uuid:
            (self.folder / "users/migrations").mkdir(parents=True)
            for module in ["users/__init__.py", "users/migrations/__init__.py"]:
                (self.folder / module).touch()
            (self.folder / "users/models.py").write_text((HERE / "uuid_models.py").read_text())
            settings += "INSTALLED_APPS += ['users']\nAUTH_USER_MODEL = 'users.User'\n"
        with (self.folder / "shop/settings.py").open("a") as file:
            file.write(settings)

    def migrate(self, *code):
        """Makes the tables, and runs this in the project."""
        migrate = "from django.core.management import call_command\ncall_command('makemigrations')\ncall_command('migrate')"
        self.run("python manage.py shell", "\n".join([migrate, *code]))


class Failed(Exception):
    def __str__(self):
        return textwrap.shorten(super().__str__(), 1500)


def as_read(user, reads):
    """The user, with what becomes of the texts of the profile."""
    profiles = {}
    for contract, profile in user.get("attributes", {}).items():
        profile = {name: reads(value) if isinstance(value, str) else value for name, value in profile.items()}
        profiles[contract] = {name: value for name, value in profile.items() if value is not None}
    profiles = {contract: profile for contract, profile in profiles.items() if profile}
    user = {name: value for name, value in user.items() if name != "attributes"}
    return user | {"attributes": profiles} if profiles else user


@contextlib.contextmanager
def servers(home):
    """MariaDB and PostgreSQL. The environment in which their clients find them."""
    bins = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda bin: int(bin.split("/")[-2]))[-1:]
    env = os.environ | {"PATH": ":".join([*bins, os.environ["PATH"], "/usr/sbin"]), "HOME": str(home), "LC_ALL": "C.UTF-8"}
    folders = {user: home / user for user in ["mysql", "postgres"]}
    started = []

    def start(user, *command):
        # Without rights of root; it ends with this program.
        as_user = ["--reuid", user, "--regid", user, "--clear-groups"] if os.geteuid() == 0 else []
        log = (home / f"{user}.log").open("a")
        process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *as_user, *command], cwd=folders[user], env=env,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        started.append(process)
        return process

    for user, folder in folders.items():
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, user, user)
    data, socket = folders["mysql"] / "data", folders["mysql"] / "socket"
    (home / ".my.cnf").write_text(f"[client]\nuser=root\nsocket={socket}\n")
    env |= {"MARIADB_SOCKET": str(socket), "PGHOST": str(folders["postgres"]), "PGUSER": "postgres"}
    try:
        making = [
            start("mysql", "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
                  "--auth-root-authentication-method=normal"),
            start("postgres", "initdb", "-D", "data", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "-A", "trust", "-N"),
        ]
        if any(process.wait() for process in making):
            raise Failed("no server: " + "".join(log.read_text() for log in home.glob("*.log")))
        # Neither is in UTC, which dumps must not depend on.
        running = [
            start("mysql", "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
                  "--character-set-server=utf8mb4", "--default-time-zone=+05:30", "--innodb-flush-log-at-trx-commit=0"),
            start("postgres", "postgres", "-D", "data", "-k", str(folders["postgres"]), "-c", "listen_addresses=",
                  "-c", "fsync=off", "-c", "timezone=America/St_Johns"),
        ]
        for process, ping in zip(running, [["mariadb-admin", "ping"], ["pg_isready"]]):
            while subprocess.run(ping, env=env, capture_output=True).returncode:
                if process.poll() is not None:
                    raise Failed("no server: " + "".join(log.read_text() for log in home.glob("*.log")))
                time.sleep(0.1)
        yield env
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def main(python, bin, wanted=()):
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with servers(home) as env:
            print(f"servers started in {time.monotonic() - began:.1f} s", flush=True)
            env |= {
                "PATH": f"{bin}:{Path(python).absolute().parent}:{env['PATH']}",
                "TABLE_NAME": "postern",
                "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            }
            jobs = [Job(database, home, env) for database in databases() if not wanted or database.name in wanted]
            with ThreadPoolExecutor(max_workers=3) as pool:
                checks = [pool.submit(job.check) for job in jobs]
                failures = [failure for check in checks for failure in check.result()]
    if not jobs:
        sys.exit(f"no database is called {' or '.join(wanted)}")
    forms = sum(len(job.database.forms) for job in jobs)
    print(f"{forms - len(failures)} passed, {len(failures)} failed")
    if failures:
        sys.exit("\n".join(["these forms of dumps do not give the users of the database:", *failures]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    built = subprocess.run(
        ["cargo", "build", "--quiet", "-p", "postern-admin", "-p", "postern-local", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )
    programs = [json.loads(line).get("executable") for line in built.stdout.splitlines()]
    bin = Path(next(program for program in programs if program and program.endswith("/postern"))).parent
    main(sys.argv[1], bin, sys.argv[2:])
