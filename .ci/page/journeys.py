"""What a person does on the page. Each journey is a function of a `Page`, and its docstring is printed."""

import json
import re
from urllib.parse import parse_qsl

from lib.http_client import expect, totp

ENTRY_IS_IN_VIEW = """() => {
    const [entry, list] = ["[aria-current]", "nav"].map((it) => document.querySelector(it).getBoundingClientRect());
    // Scrolling goes by whole pixels.
    return entry.top > list.top - 1 && entry.bottom < Math.min(list.bottom, innerHeight) + 1;
}"""


def every_contract_signs_in(page):
    """each contract signs in with what its form is filled with, and the same line of curl does"""
    tab = page.tab()
    for operation, user_id in [("accountSignIn", 1), ("sessionSignIn", None), ("mfaSignIn", None), ("emailSignIn", 1)]:
        tab.open(operation)
        expect(tab.tab.evaluate(ENTRY_IS_IN_VIEW), True, f"{operation} in the list is in view")
        expect(tab.curl_status(), 200, f"curl at {operation}")
        reply = tab.send(200)
        expect(bool(reply.claims), True, f"a token at {operation}")
        page.picture(tab, operation)
        if user_id:
            ids = {claims["user_id"] for claims in reply.claims.values()}
            expect(ids, {str(user_id)}, f"user_id at {operation}")
    tab.open("jwksKeySet")
    expect(tab.send(200).body["keys"], [], "the public keys")
    tab.close()


def sso_takes_the_token_of_account(page):
    """sso is offered the access token of account"""
    tab = page.tab()
    tab.open("accountSignIn")
    tab.send(200)
    tab.follow("sso: Sign in") if tab.button("sso: Sign in").count() else tab.follow(
        "sso: " + page.summary("ssoSignIn")
    )
    expect(tab.send(200).body["username"], "johndoe", "the user of the token")
    expect(tab.curl_status(), 200, "curl at sso")
    tab.field("Sent as").select_option("not sent")
    expect(tab.send(401).body["errors"][0]["code"], "not_authenticated", "without a token")
    tab.close()


def malformed_tokens_are_sent(page):
    """an empty token is not sent, one without claims is, and a time that is in no calendar is shown as a number"""
    tab = page.tab()
    tab.open("emailProfile")
    expect(tab.send(401).body["detail"], "Authentication credentials were not provided.", "an empty token")
    tab.open("ssoSignIn")
    # The claims are `null`.
    tab.field("Token").fill("eyJhbGciOiJub25lIn0.bnVsbA.x")
    expect(tab.send(401).body["errors"][0]["code"], "authentication_failed", "a token without claims")
    text = tab.tab.evaluate("import('/_local/jwt.js').then((it) => it.claimText('exp', 1e16))")
    expect(text, "10000000000000000", "a time that is in no calendar")
    tab.close()


def every_contract_refuses(page):
    """a refusal of each contract: a wrong password, a disabled user, no code of MFA, an unknown user"""
    tab = page.tab()
    tab.open("accountSignIn")
    tab.choose("Example", "wrong-password")
    expect(tab.send(401).body["errors"][0]["code"], "authentication_failed", "a wrong password at account")
    tab.open("sessionSignIn")
    tab.choose("Demo user", "blocked")
    expect(tab.send(400).body["error_code"], "not_activated", "a disabled user at session")
    tab.open("mfaSignIn")
    tab.choose("Example", "mfa-required")
    expect(tab.send(403).body["error"], "mfaTokenRequired", "no code of MFA")
    tab.open("emailSignIn")
    tab.choose("Example", "unknown-user")
    expect(tab.send(404).body, {"error": "User does not exist."}, "an unknown user at email")
    page.picture(tab, "refused")
    tab.field("Write the body as text").check()
    tab.field("Body").fill("{")
    expect(tab.send(400).body, {"error": "Email and password are required."}, "a body that is no JSON")
    expect(tab.curl_status(), 400, "curl with a body that is no JSON")
    expect(tab.refused, 5, "the refusals that Chromium reports")
    tab.close()


def each_content_type_is_sent(page):
    """each member and each content type is sent as the form says, also by curl"""
    tab = page.tab()
    tab.open("emailSignIn")
    tab.choose("Demo user", "Zoë")
    for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]:
        tab.field("Content-Type").select_option(kind)
        expect(tab.curl_status(), 200, f"curl with {kind}")
        with tab.tab.expect_request("**/api/sign-in/") as request:
            tab.send(200)
        sent = request.value
        expect(sent.header_value("content-type").split(";")[0], kind, "the content type")
        values = {"email": "zoe@example.com", "password": "pässwörd ☃"}
        if kind == "multipart/form-data":
            for name, value in values.items():
                part = f'name="{name}"\r\n\r\n{value}\r\n'
                expect(part in sent.post_data_buffer.decode(), True, f"the part {name}")
        else:
            body = sent.post_data_buffer.decode()
            expect(json.loads(body) if "json" in kind else dict(parse_qsl(body)), values, f"the body as {kind}")
    tab.close()


def account_refreshes_and_signs_out(page):
    """account: refresh, and sign out; then its token is refused"""
    tab = page.tab()
    tab.open("accountSignIn")
    first = tab.send(200).body["token"]
    tab.follow(page.summary("accountToken"))
    second = tab.send(200).body
    expect(second["access_token"] != first["access_token"], True, "a new access token")
    tab.follow(page.summary("accountRevokeToken"))
    tab.send(200)
    tab.go("accountToken")
    expect(tab.field("refresh_token").input_value(), second["refresh_token"], "the latest refresh token in the form")
    expect(tab.send(400).body["error"], "invalid_grant", "the token of a session that has ended")
    tab.close()


def session_resumes_and_signs_out(page):
    """session: stay signed in, resume, and sign out with the JWT in the query"""
    tab = page.tab()
    tab.open("sessionSignIn")
    tab.field("stay_logged_in").select_option("true")
    tab.send(200)
    tab.follow(page.summary("sessionResume"))
    tab.send(202)
    tab.follow(page.summary("sessionSignOut"))
    expect("?token=eyJ" in tab.tab.get_by_label("The request as a line of curl").inner_text(), True, "the query")
    tab.send(200)
    expect(tab.send(404).body["error_code"], "session_token_incorrect", "a session that has ended")
    tab.close()


def session_lists_and_deletes(page):
    """session: the list of sessions, and the end of one of them by the id in the path"""
    tab = page.tab()
    tab.open("sessionSignIn")
    tab.field("stay_logged_in").select_option("true")
    tab.send(200)
    tab.follow(page.summary("sessionList"))
    number = tab.send(200).body["sessions"][0]["id"]
    tab.follow(page.summary("sessionDelete"))
    expect(tab.field("id").input_value(), str(number), "the id in the form")
    expect(f"/session/{number}" in tab.tab.get_by_label("The request as a line of curl").inner_text(), True, "the path")
    tab.send(200)
    expect(tab.send(404).body["error_code"], "session_token_not_found", "a session that has ended")
    tab.close()


def email_refreshes_and_signs_out(page):
    """email: the profile, refresh, and sign out; then its token is refused"""
    tab = page.tab()
    tab.open("emailSignIn")
    tab.send(200)
    tab.follow(page.summary("emailProfile"))
    expect(tab.send(200).body["username"], "johndoe", "the profile")
    expect(tab.curl_status(), 200, "curl with a Bearer token")
    tab.go("emailProfileHead")
    expect(tab.send(200).body, None, "the body of a reply to HEAD")
    tab.open("emailSignIn")
    tab.send(200)
    tab.follow(page.summary("emailRefresh"))
    tab.send(200)
    tab.follow(page.summary("emailBlacklist"))
    tab.send(200)
    expect(tab.send(401).body["code"], "token_not_valid", "the token of a session that has ended")
    tab.close()


def mfa_is_enrolled(page):
    """mfa: the QR code of a new secret, a code computed on the page, the recovery codes"""
    tab = page.tab()
    tab.open("mfaSignIn")
    expect(tab.field("username").input_value(), "jimmy", "the user in the form")
    tab.send(200)
    tab.follow(page.summary("mfaSetup"))
    secret = tab.send(200).body["mfa"]["secret"]
    picture = tab.tab.get_by_role("img", name="QR code of the TOTP secret")
    expect(picture.evaluate("image => image.complete && image.naturalWidth > 0"), True, "the QR code is an image")
    page.picture(tab, "enrolment")
    tab.follow("Confirm with a code")
    compute_code(tab, secret)
    codes = tab.send(200).body["scratchCodes"]
    expect(tab.tab.locator(".recovery code").all_inner_texts(), codes, "the recovery codes on the page")
    page.picture(tab, "recovery-codes")
    tab.go("mfaSignIn")
    expect(tab.send(403).body["error"], "mfaTokenRequired", "the next sign-in without a code")
    tab.field("token").fill(codes[0])
    expect(tab.send(200).body["account"]["mfaEnabled"], True, "a sign-in with a recovery code")
    tab.close()


def guarded_user_signs_in_with_a_code(page):
    """a user with MFA signs in at email with a code that the page computes from the demo secret"""
    tab = page.tab()
    tab.open("emailSignIn")
    tab.choose("Demo user", "guarded")
    tab.send(403)
    compute_code(tab, page.secret_of_guarded)
    tab.send(200)
    tab.button("Compute the code").click()
    tab.tab.get_by_text("The same code as before.").wait_for()
    tab.close()


def compute_code(tab, secret):
    before = totp(secret)
    tab.button("Compute the code").click()
    tab.tab.get_by_text("A code is valid once.").wait_for()
    # A new step may have begun in between.
    expect(tab.field("token").input_value() in (before, totp(secret)), True, "the code that the page computes")


def password_is_changed(page):
    """session: a user who must change the password does so, and the new one signs in"""
    tab = page.tab()
    tab.open("sessionSignIn")
    tab.choose("Demo user", "changer")
    expect(tab.send(400).body["error_code"], "change_password", "a user who must change the password")
    tab.open("sessionChangePassword")
    tab.choose("Demo user", "changer")
    tab.field("new_password").fill("a new and long password")
    tab.send(200)
    tab.open("sessionSignIn")
    tab.choose("Demo user", "changer")
    tab.field("password").fill("a new and long password")
    tab.send(200)
    tab.close()


def throttle_and_audit_events_are_shown(page):
    """the failures of the name and the audit events stand beside the form, also after a reload; a name is only text"""
    tab = page.tab()
    tab.open("accountSignIn")
    throttle = tab.tab.locator("#attempts")
    tab.choose("Demo user", "mallory")
    expect(tab.send(429).body["errors"][0]["code"], "throttled", "a locked name")
    throttle.get_by_text("Locked until an operator unlocks it").wait_for()
    page.picture(tab, "locked")
    hostile = '<img src="https://example.com/x" onerror="document.title=1"><b id="injected">'
    tab.field("username").fill(hostile)
    tab.field("password").fill("wrong")
    tab.send(401)
    throttle.get_by_text("1 of 25 failures in a row.").wait_for()
    throttle.get_by_text(hostile).wait_for()
    expect(tab.tab.locator("#injected").count(), 0, "elements that a name makes")
    for failures in range(2, 8):
        tab.send(401)
        throttle.get_by_text(f"{failures} of 25 failures in a row.").wait_for()
        if failures in (5, 6):
            throttle.get_by_text("An attempt is possible now.").wait_for()
    # The seventh failure has a wait of four seconds.
    throttle.get_by_text(re.compile("^The next attempt is possible in [1-4] s.$")).wait_for()
    newest = tab.tab.locator("#audit li").first.inner_text()
    expect("account unknown_user" in newest, True, newest)
    tab.tab.reload()
    tab.tab.wait_for_function("text => document.querySelector('#audit li')?.innerText == text", arg=newest)
    tab.close()


JOURNEYS = [
    every_contract_signs_in,
    sso_takes_the_token_of_account,
    malformed_tokens_are_sent,
    every_contract_refuses,
    each_content_type_is_sent,
    account_refreshes_and_signs_out,
    session_resumes_and_signs_out,
    session_lists_and_deletes,
    email_refreshes_and_signs_out,
    guarded_user_signs_in_with_a_code,
    password_is_changed,
    throttle_and_audit_events_are_shown,
    # From here on, jimmy has MFA.
    mfa_is_enrolled,
]
