"""Exports a database of MariaDB as phpMyAdmin does: all tables as its ExportJson, or a query as its ExportCsv with the names
of the columns.

    phpmyadmin_export.py DATABASE [QUERY]
"""

import json
import os
import sys

import pymysql

database, *query = sys.argv[1:]
# PHP reads numbers and times as texts, so they stay as the server writes them.
connection = pymysql.connect(
    unix_socket=os.environ["MARIADB_SOCKET"],
    user="root",
    database=database,
    charset="utf8mb4",
    init_command="SET time_zone = '+00:00'",
    conv=pymysql.converters.encoders,
)
cursor = connection.cursor()


def rows(query):
    cursor.execute(query)
    yield [column[0] for column in cursor.description]
    for row in cursor:
        yield [value.decode() if isinstance(value, bytes) else value for value in row]


def encode(value):
    """PHP escapes slashes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


if query:
    for row in rows(*query):
        print(",".join("NULL" if value is None else '"' + value.replace('"', '""') + '"' for value in row))
    sys.exit()
header = {"type": "header", "version": "5.2.1", "comment": "Export to JSON plugin for PHPMyAdmin"}
print("[", encode(header) + ",", encode({"type": "database", "name": database}) + ",", sep="\n")
_, *tables = rows("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
for number, (table, _) in enumerate(tables):
    begin, end = encode({"type": "table", "name": table, "database": database, "data": "@@"}).split('"@@"')
    columns, *data = rows(f"SELECT * FROM `{table}`")
    data = ",\n".join(encode(dict(zip(columns, row, strict=True))) for row in data)
    print("," * (number > 0) + begin, "[", data, "]", end, sep="\n")
print("]")
