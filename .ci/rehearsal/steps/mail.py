"""Who forgot the password gets a mail, and in again. A message that fails goes to the dead-letter queue."""

import time

from clients.contracts import CLIENTS
from lib.http_client import Unexpected, body_of, expect
from lib.mailbox import EmulatorMailbox, digits_of, link_code_of
from rehearsal.steps.create import MAIL_FROM
from rehearsal.steps.users import PASSWORD

FORGOT = "/api/auth/forgotPassword"
NAME, ADDRESS = "mia", "mia@example.com"
FROM_SESSION, FROM_ACCOUNT, FROM_OPERATOR = "after six digits", "after a link", "after a link of the operator"


def password_is_reset_by_mail(stack):
    """The session contract sends six digits, account a link, and so does `postern user send-reset`; each lets mia in again."""
    stack.postern("user", "add", NAME, "--email", ADDRESS, "--password-stdin", stdin=PASSWORD)
    session, account = (CLIENTS[name](stack.url, NAME) for name in ("session", "account"))
    mailbox = EmulatorMailbox(stack.emulator.url, ADDRESS)
    _, of_before = session.sign_in(PASSWORD)

    expect(body_of(stack.call("POST", f"{FORGOT}/sendEmail", {"username": NAME})), {"msg": "Sent"}, "sendEmail")
    mail = mailbox.next()
    expect(mail.sender, MAIL_FROM, "the sender")
    sent = {"username": NAME, "code": int(digits_of(mail))}
    body_of(stack.call("POST", f"{FORGOT}/checkCode", sent))
    body_of(stack.call("POST", f"{FORGOT}/resetPassword", sent | {"new_password": FROM_SESSION}))
    expect(session.refresh(of_before).status, 400, "a session of before")
    expect(session.send_password(PASSWORD).status, session.wrong_password, "the old password")
    session.sign_in(FROM_SESSION)
    is_told(mailbox)

    expect(stack.call("POST", "/api/v2/account/recover/", {"email": ADDRESS}).status, 204, "recover")
    reset_by_link(stack, account, mailbox, FROM_ACCOUNT)
    stack.postern("user", "send-reset", NAME, "--stack", stack.name, codes=(0,))
    reset_by_link(stack, account, mailbox, FROM_OPERATOR)


def reset_by_link(stack, account, mailbox, password):
    sent = {"validation_code": link_code_of(mailbox.next()), "password": password}
    body = body_of(stack.call("POST", "/api/v2/account/reset/", sent))
    access_token, _ = account.tokens(body)
    expect(account.use(access_token).status, account.called, "sso with the token of the reset")
    expect(stack.call("POST", "/api/v2/account/reset/", sent).status, 400, "the same link once more")
    account.sign_in(password)
    is_told(mailbox)


def is_told(mailbox):
    """The second mail says that the password was changed, and has no code."""
    mail = mailbox.next()
    for code_of in (digits_of, link_code_of):
        try:
            code = code_of(mail)
        except Unexpected:
            continue
        raise Unexpected(f"a code in the mail about the change: {code}")


def failing_message_is_put_aside(stack):
    """A message that is none of Postern's goes to the dead-letter queue, and one beside it is delivered."""
    queues, queue, dead = stack.client("sqs"), stack.ids["MailQueue"], stack.ids["MailDeadLetterQueue"]
    timeout = {"VisibilityTimeout": attribute(queues, queue, "VisibilityTimeout")}
    # A message that failed is delivered again after this time.
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    queues.send_message(QueueUrl=queue, MessageBody="{}")
    mailbox = EmulatorMailbox(stack.emulator.url, ADDRESS)
    mailbox.taken = len([mail for mail in mailbox.mails() if mail.to == ADDRESS])
    stack.postern("user", "send-reset", NAME, "--contract", "session", "--stack", stack.name)
    digits_of(mailbox.next())
    for _ in range(150):
        if attribute(queues, dead, "ApproximateNumberOfMessages") == "1":
            break
        time.sleep(0.2)
    (message,) = queues.receive_message(QueueUrl=dead).get("Messages", [None])
    expect(message and message["Body"], "{}", "the message on the dead-letter queue")
    queues.purge_queue(QueueUrl=dead)
    queues.set_queue_attributes(QueueUrl=queue, Attributes=timeout)
    left = [attribute(queues, queue, f"ApproximateNumberOfMessages{kind}") for kind in ("", "NotVisible")]
    expect(left, ["0", "0"], "messages that are left on the queue")


def attribute(queues, url, name):
    return queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]


STEPS = [password_is_reset_by_mail, failing_message_is_put_aside]
