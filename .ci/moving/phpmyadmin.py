"""Writes a table as phpMyAdmin exports it: its ExportCsv with the column names, and its ExportJson.

    phpmyadmin.py DATABASE TABLE csv|json
"""

import json
import os
import sys

import pymysql

database, table, form = sys.argv[1:]
connection = pymysql.connect(unix_socket=os.environ["MARIADB_SOCKET"], user="root", database=database, charset="utf8mb4",
                             # Numbers and times as the server writes them, which PHP takes for texts.
                             conv=pymysql.converters.encoders)
cursor = connection.cursor()
cursor.execute(f"SELECT * FROM `{table}`")
columns = [column[0] for column in cursor.description]
rows = [[value.decode() if isinstance(value, bytes) else value for value in row] for row in cursor]
if form == "csv":
    for row in [columns, *rows]:
        print(",".join("NULL" if value is None else '"' + value.replace('"', '""') + '"' for value in row))
else:
    # PHP escapes slashes.
    encode = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    header = {"type": "header", "version": "5.2.1", "comment": "Export to JSON plugin for phpMyAdmin"}
    print("[", encode(header) + ",", encode({"type": "database", "name": database}) + ",", sep="\n")
    begin = encode({"type": "table", "name": table, "database": database, "data": "@@DATA@@"}).split('"@@DATA@@"')
    print(begin[0], "[", ",\n".join(encode(dict(zip(columns, row))) for row in rows), "]", begin[1], "]", sep="\n")
