"""The page of `cargo run` in Chromium, as a person uses it: by labels and by the words on buttons."""

import base64
import json
import re
import shutil
import subprocess
from collections import namedtuple
from urllib.parse import urlsplit

from lib.http_client import Unexpected, expect

# What the page shows of a reply: its status, its body, and the claims of each JWT by the place of the JWT in the body.
Reply = namedtuple("Reply", "status body claims")


def executable():
    found = next(filter(None, map(shutil.which, ["chromium", "google-chrome"])), None)
    if not found:
        raise Unexpected("there is no Chromium: .ci/page/install")
    return found


class Tab:
    """A tab with the page. `faults` collects what no page may do."""

    def __init__(self, browser, url, **options):
        self.url = url
        self.faults = []
        self.refused = 0
        self.tab = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options).new_page()
        self.tab.set_default_timeout(20_000)
        self.tab.on("console", self.on_console)
        self.tab.on("pageerror", lambda error: self.faults.append(f"an exception: {error}"))
        self.tab.on("request", self.on_request)

    def on_console(self, message):
        # Chromium reports each reply of an error, also those that the check asks for.
        asked_for = "/_local/" not in message.location["url"] and "responded with a status of 4" in message.text
        if message.type == "error" and asked_for:
            self.refused += 1
        elif message.type in ("error", "warning"):
            self.faults.append(f"on the console: {message.text} ({message.location['url']})")

    def on_request(self, request):
        url = urlsplit(request.url)
        if url.scheme != "data" and f"{url.scheme}://{url.netloc}" != self.url:
            self.faults.append(f"a request to {request.url}")

    def close(self):
        self.tab.context.close()
        expect(self.faults, [], "what the browser reports")

    def open(self, operation):
        self.tab.goto("about:blank")
        self.tab.goto(f"{self.url}/#{operation}")
        self.button("Send").wait_for()

    def go(self, operation):
        """Opens the form of an operation by its link. What the page remembers stays."""
        link = self.tab.locator(f"a[data-operation='{operation}']")
        if not link.is_visible():
            # A phone shows the routes of one contract.
            self.tab.locator("#contracts > li", has=link).locator("a.contract").click()
        link.click()
        self.tab.locator(".reply[hidden]").wait_for(state="attached")

    def button(self, name):
        return self.tab.get_by_role("button", name=name, exact=True)

    def field(self, name):
        """The control of a member of the body, or of another input."""
        return self.tab.locator("main").get_by_label(re.compile(rf"^\s*{name}( required)?$"))

    def choose(self, label, option):
        """Chooses an option by its text, or by what is before the state of a user."""
        options = self.tab.get_by_label(label).locator("option")
        found = [text for text in options.all_text_contents() if text.split(" (")[0] == option]
        expect(len(found), 1, f"the options {option} of {label}")
        self.tab.get_by_label(label).select_option(label=found[0])

    def send(self, status):
        """Presses Send. The reply must have this status."""
        with self.tab.expect_response(lambda reply: "/_local/" not in reply.url) as response:
            self.button("Send").click()
        return self.reply(response.value, status)

    def reply(self, response, status):
        """What the page shows of a response. It must be what was received."""
        what = f"{response.request.method} {urlsplit(response.url).path}"
        expect(response.status, status, what)
        shown, request_id = self.tab.locator(".reply"), response.headers["x-request-id"]
        # Until then, the page shows the reply before this one.
        shown.get_by_role("row", name=f"x-request-id {request_id}").wait_for()
        expect(
            shown.locator(".status strong").inner_text().split()[0], str(status), f"the status on the page after {what}"
        )
        text = response.text() if response.request.method != "HEAD" else ""
        body = json.loads(text) if text else None
        if body is not None:
            printed = json.loads(shown.get_by_label("Body of the reply").inner_text())
            expect(without_pictures(printed), without_pictures(body), f"the body on the page after {what}")
        headers = dict(rows(shown.locator("details", has_text="Headers")))
        expect(headers["content-type"], response.headers["content-type"], f"a header on the page after {what}")
        claims = {
            details.locator("summary code").inner_text(): dict(rows(details))
            for details in shown.locator("details.token").all()
        }
        expect(claims.keys(), jwts(body).keys(), f"the tokens on the page after {what}")
        for place, token in jwts(body).items():
            expect_claims(claims[place], token, f"{place} after {what}")
        own = self.tab.locator(f"#audit li.own[data-request='{request_id}']")
        if urlsplit(response.url).path != "/.well-known/jwks.json":
            # Some refusals are no attempts, and have no event.
            if status not in (400, 404, 422) or own.count():
                own.first.wait_for()
        return Reply(response.status, body, claims)

    def follow(self, name):
        """Opens what follows the reply."""
        self.tab.locator(".follow").get_by_role("button", name=name, exact=True).first.click()
        self.tab.locator(".reply[hidden]").wait_for(state="attached")

    def curl_status(self):
        """The status that the line of curl gets in a shell. The line is copied with the button."""
        self.button("Copy").click()
        self.button("Copied").wait_for()
        line = self.tab.evaluate("navigator.clipboard.readText()")
        expect(line, self.tab.get_by_label("The request as a line of curl").inner_text(), "the copied line")
        ended = subprocess.run(["sh", "-c", f"{line} --silent --show-error"], capture_output=True, text=True)
        expect(ended.returncode, 0, f"{line}: {ended.stderr}")
        return int(ended.stdout.split()[1])

    def expect_no_horizontal_scroll(self, what):
        widths = self.tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        expect(widths[0] <= widths[1], True, f"{what}: a width of {widths[0]} in a window of {widths[1]}")


def rows(table):
    return [(row.locator("th").inner_text(), row.locator("td").inner_text()) for row in table.locator("tr").all()]


def jwts(value, place=""):
    if isinstance(value, str):
        return {place: value} if value.startswith("eyJ") and value.count(".") == 2 else {}
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return {
        path: token
        for name, member in members
        for path, token in jwts(member, f"{place}.{name}" if place else str(name)).items()
    }


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def expect_claims(shown, token, what):
    claims = claims_of(token)
    expect(shown.keys(), claims.keys(), f"the claims of {what}")
    for name, value in claims.items():
        text = value if isinstance(value, str) else json.dumps(value)
        is_time = name in ("exp", "iat")
        expect(shown[name].split(":")[0] if is_time else shown[name], text, f"{name} of {what}")
        expect(" UTC, " in shown[name], is_time, f"{name} of {what} in words: {shown[name]}")


def without_pictures(body):
    if isinstance(body, dict):
        return {name: without_pictures(value) for name, value in body.items() if name != "qrcode"}
    return body
