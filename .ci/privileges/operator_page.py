"""The list of the operator's permissions in docs/operating.md."""

import re

from lib.workspace import ROOT

PAGE = ROOT / "docs" / "operating.md"
HEADING = "## Permissions of the operator\n"
# Commands that change nothing. Their actions have the access level Read or List.
READ_ONLY = {
    "attempts",
    "doctor",
    "export",
    "keys show",
    "probe",
    "table check",
    "user list",
    "user sessions",
    "user show",
}
# The stack creates the table.
WITHOUT_STACK = {"table create"}
# The actions that a command calls on AWS only, and not in the tests.
UNRECORDED = {"dynamodb:DescribeContinuousBackups": {"doctor", "table check"}}


def check(calls, simulator, write):
    """Returns the problems of the page."""
    used = {}
    for call in calls:
        program, *command = call["by"].split(".")
        if program == "postern":
            used.setdefault(" ".join(command), set()).add(call["action"])
    for action, commands in UNRECORDED.items():
        print(f"not recorded  {action}: no DynamoDB on this machine has backups")
        for command in commands & used.keys():
            used[command].add(action)
    problems = [f"no call of `postern {command}` was recorded" for command in READ_ONLY - used.keys()]
    reads = simulator.reads({action for actions in used.values() for action in actions})
    for command in READ_ONLY & used.keys():
        problems += [f"`postern {command}` only reads, and calls {action}" for action in used[command] - reads]
    expected = text(used)
    page = PAGE.read_text()
    before, after = page.split(HEADING)
    section, *rest = re.split(r"(?m)^(?=## )", after, maxsplit=1)
    if section.strip() != expected.strip():
        if write:
            PAGE.write_text(before + HEADING + "\n" + expected + ("\n" if rest else "") + "".join(rest))
        else:
            problems.append(f"docs/operating.md does not list what `postern` calls, which is:\n\n{expected}")
    print(f"{'NOT OK' if problems else 'ok':6}  postern: {len(used)} commands")
    return problems


def text(used):
    rows = [
        ("to read only", READ_ONLY & used.keys()),
        ("to change users and keys", used.keys() - READ_ONLY - WITHOUT_STACK),
        ("to create a table without the stack", WITHOUT_STACK & used.keys()),
    ]
    lines = [
        "`postern` calls these actions: those of DynamoDB on the table, of Secrets Manager on the two secrets, of CloudFormation on",
        "the stack, if `--stack` or `POSTERN_STACK` names one, of CloudWatch Logs on the log groups of the functions, and of SQS on",
        "the queue of the mailer. Each command that changes something also calls `sts:GetCallerIdentity`, which needs no",
        "permission. A role that only reads needs the first row. `.ci/privileges/run --write` writes this list from the calls of",
        "the tests.",
        "",
        "| for what | commands | actions |",
        "|---|---|---|",
    ]
    for what, commands in rows:
        actions = sorted({action for command in commands for action in used[command]})
        named = ", ".join(f"`{command}`" for command in sorted(commands))
        lines.append(f"| {what} | {named} | {', '.join(f'`{action}`' for action in actions)} |")
    return "\n".join(lines) + "\n"
