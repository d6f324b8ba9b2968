PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE auth_user("id" integer primary key, "password" varchar(128), last_login datetime, username varchar(150), first_name varchar(150), email varchar(254), is_active bool, date_joined datetime);
INSERT INTO auth_user VALUES(1,'!',NULL,'anna',replace('Zoë\nline; ''q''','\n',char(10)),'anna@example.com',1,'2020-01-01 00:00:00');
INSERT INTO auth_user VALUES(2,'!',NULL,'ben',X'61','b@example.com',0,'2020-01-01 00:00:00');
COMMIT;
