"""The mails that a deployment sent: those of `cargo run`, and those of the emulator's SES."""

import json
import re
import time
import urllib.request
from collections import namedtuple

from lib.http_client import Unexpected

Mail = namedtuple("Mail", "sender to subject text html")


class Mailbox:
    """The mails to one address, in the order in which they were sent. Each is taken once."""

    def __init__(self, address):
        self.address, self.taken = address, 0

    def next(self, seconds=60):
        """Waits for the next mail."""
        for _ in range(seconds * 5):
            mails = [mail for mail in self.mails() if mail.to == self.address]
            if len(mails) > self.taken:
                self.taken += 1
                return mails[self.taken - 1]
            time.sleep(0.2)
        raise Unexpected(f"no mail to {self.address} came in {seconds} s")


class LocalMailbox(Mailbox):
    """The mailbox of `cargo run`."""

    def __init__(self, url, address):
        super().__init__(address)
        self.url = f"{url}/_local/mailbox"

    def mails(self):
        found = read(self.url)
        return [Mail(mail["from"], mail["to"], mail["subject"], mail["text"], mail["html"]) for mail in found]


class EmulatorMailbox(Mailbox):
    """The mails that the emulator's SES sent."""

    def __init__(self, url, address):
        super().__init__(address)
        self.url = f"{url}/_ministack/ses/messages"

    def mails(self):
        accounts = read(self.url)["messages"]
        return [
            Mail(mail["Source"], mail["To"][0], mail["Subject"], mail["BodyText"], mail["BodyHtml"])
            for mails in accounts.values()
            for mail in mails
        ]


def digits_of(mail):
    """The code of six digits in a mail."""
    return found(r"\b\d{6}\b", mail)


def link_code_of(mail):
    """The code in the link of a mail: the id of the user and 256 bits."""
    return found(r"\d+-[0-9a-f]{64}", mail)


def found(pattern, mail):
    codes = set(re.findall(pattern, mail.text))
    if len(codes) != 1 or codes.isdisjoint(re.findall(pattern, mail.html)):
        raise Unexpected(f"the text and the HTML of this mail have not the same one code: {mail}")
    return codes.pop()


def read(url):
    with urllib.request.urlopen(url, timeout=30) as reply:
        return json.load(reply)
