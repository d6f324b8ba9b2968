"""What no function may ever do, whatever is recorded. A function that asks for one of these has a fault."""

from privileges.roles import identity, log_group, queue, secret, table

ITEMS = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
WRITES = [*ITEMS, "dynamodb:BatchWriteItem"]
ALL = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem", *WRITES]
PARTIQL = [f"dynamodb:PartiQL{verb}" for verb in ["Select", "Insert", "Update", "Delete"]]

# The attributes of a user that only an operator changes.
ATTRIBUTES_OF_OPERATORS = {
    "attributes",
    "created_at",
    "email",
    "expires_at",
    "id",
    "other_usernames",
    "source_id",
    "status",
    "username",
    "version",
}

# The attributes of a login name that only an operator writes.
ATTRIBUTES_OF_LOGIN_NAMES = {"expires_at", "kind", "user_id"}


def of_every_function(role, groups):
    """Yields what, actions, resource and keys. `groups` are the log groups of all functions."""
    mine = table()
    yield "reads the whole table", ["dynamodb:Scan"], mine, []
    yield "calls without a key", [*ALL, *PARTIQL], mine, []
    for kind in ["USER#1", "SESSIONS#1", "LOGIN#ann"]:
        # The session contract lists a user's sessions. No function lists anything else.
        if (role.name, kind) != ("session", "SESSIONS#1"):
            yield f"queries {kind}", ["dynamodb:Query"], mine, [kind]
        yield f"sends PartiQL about {kind}", PARTIQL, mine, [kind]
        yield f"calls for many items, {kind} too", ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"], mine, [kind]
    yield "creates or deletes a user", ["dynamodb:PutItem", "dynamodb:DeleteItem"], mine, ["USER#1"]
    # What an update may write of a login name is checked by its attributes.
    writes = [action for action in WRITES if action != "dynamodb:UpdateItem"]
    yield "creates or deletes a login name", writes, mine, ["LOGIN#ann"]
    yield "creates or deletes a counter", ["dynamodb:PutItem", "dynamodb:DeleteItem"], mine, ["NAME#1"]
    yield "reads a counter", ["dynamodb:GetItem"], mine, ["NAME#1"]
    yield "takes a message from the queue of undelivered mail", ["sqs:ReceiveMessage"], queue("MailDeadLetterQueue"), []
    for kind in ["COUNTER", "SOURCE#1", "OPERATOR#1", "ELSE#1", "1"]:
        yield f"accesses {kind}, which is an operator's or of no kind", [*ALL, *PARTIQL], mine, [kind]
    yield "accesses an operator's item beside a user", ["dynamodb:BatchGetItem"], mine, ["USER#1", "OPERATOR#1"]
    for kind in ["USER#1", "SESSIONS#1", "LOGIN#ann", "NAME#1", "ADDRESS#1"]:
        yield f"accesses {kind} in another table", ALL, table("Other"), [kind]
    yield "reads another secret", ["secretsmanager:GetSecretValue"], secret("Other"), []
    changes = ["PutSecretValue", "UpdateSecret", "DeleteSecret", "RotateSecret", "PutResourcePolicy"]
    for keys in [secret(), secret("PublicKeys")]:
        yield "changes keys", [f"secretsmanager:{change}" for change in changes], keys, []
    changes = ["DeleteTable", "UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups", "PutResourcePolicy"]
    yield "changes the table", [f"dynamodb:{change}" for change in changes], mine, []
    for group in groups - {role.log_group}:
        stream = group.removesuffix("*") + "log-stream:x"
        yield "writes another function's log", ["logs:PutLogEvents"], stream, []
    yield (
        "reads or deletes its own log",
        ["logs:FilterLogEvents", "logs:DeleteLogGroup"],
        role.log_group.removesuffix(":*"),
        [],
    )
    yield "assumes another role", ["sts:AssumeRole"], "arn:aws:iam::123456789012:role/Other", []
    function = "arn:aws:lambda:us-east-1:123456789012:function:Other"
    yield "changes a function", ["lambda:UpdateFunctionCode"], function, []


OF_ONE = {
    "jwks": [
        ("accesses the table", ALL, [kind]) for kind in ["USER#1", "SESSIONS#1", "LOGIN#ann", "NAME#1", "ADDRESS#1"]
    ],
    "sso": [
        *[("writes", WRITES, [kind]) for kind in ["USER#1", "SESSIONS#1", "LOGIN#ann", "NAME#1", "ADDRESS#1"]],
        ("reads a login name", ["dynamodb:GetItem"], ["LOGIN#ann"]),
    ],
    "mailer": [
        *[("writes", WRITES, [kind]) for kind in ["USER#1", "SESSIONS#1", "NAME#1", "ADDRESS#1"]],
        ("reads a login name", ["dynamodb:GetItem"], ["LOGIN#ann"]),
        ("reads a code", ["dynamodb:GetItem"], ["RESET#1"]),
    ],
    "mfa": [("accesses sessions", ALL, ["SESSIONS#1"])],
    "account": [],
    "session": [],
    "email": [],
}


def of(role, groups):
    """Yields what one role must never allow, as of_every_function does."""
    yield from of_every_function(role, groups)
    if role.name == "jwks":
        yield "reads the signing keys", ["secretsmanager:GetSecretValue"], secret(), []
    if role.name == "mailer":
        yield "asks for mail", ["sqs:SendMessage"], queue(), []
    else:
        yield "sends mail", ["ses:SendEmail", "ses:SendRawEmail"], identity("no-reply@example.com"), []
        yield "takes messages from the queue", ["sqs:ReceiveMessage", "sqs:DeleteMessage"], queue(), []
    for what, actions, keys in OF_ONE[role.name]:
        yield what, actions, table(), keys


def without_mail(role):
    """Yields what a role must never allow without mail, since no password is reset then: what, action, key, attributes."""
    keys = {"pk", "sk"}
    yield "tries a code", "dynamodb:UpdateItem", "RESET#1", {*keys, "tries"}
    yield "deletes a code", "dynamodb:DeleteItem", "RESET#1", keys
    # The session contract changes passwords after a sign-in.
    if role.name != "session":
        yield "changes a password", "dynamodb:UpdateItem", "USER#1", {*keys, "must_change_password"}


def log_groups(roles):
    return {role.log_group for role in roles} | {log_group("ApiLogs")}


# A sample of each kind of key in ARCHITECTURE.md's table, and of none of them.
KINDS = {
    "USER#",
    "LOGIN#",
    "NAME#",
    "ADDRESS#",
    "SESSIONS#",
    "COUNTER",
    "SOURCE#",
    "OPERATOR#",
    "RESET#",
    "MAIL#",
    "ELSE#",
}


def samples(kinds):
    """An ARN for each kind of resource that an action takes, or every resource if it takes none."""
    arns = {
        "table": [table(), table("Other")],
        "index": [f"{table()}/index/any"],
        "stream": [f"{table()}/stream/any"],
        "backup": [f"{table()}/backup/any"],
        "export": [f"{table()}/export/any"],
        "import": [f"{table()}/import/any"],
        "global-table": ["arn:aws:dynamodb::123456789012:global-table/Table"],
        "Secret": [secret(), secret("PublicKeys"), secret("Other")],
    }
    return [arn for kind in kinds for arn in arns[kind]] or ["*"]
