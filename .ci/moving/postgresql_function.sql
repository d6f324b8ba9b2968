-- A function whose body looks like rows: an import must not read them.
CREATE FUNCTION log_user() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO auth_user (id, username, password) VALUES (7001, 'it''s; nobody', '!');
  RETURN NEW;
END;
$body$;
COMMENT ON FUNCTION log_user() IS 'INSERT INTO auth_user (id, username, password) VALUES (7002, ''nobody'', ''!'');
COPY auth_user (id, username, password) FROM stdin;
';
