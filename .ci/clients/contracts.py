"""A client of each contract that has passwords: the requests that it sends, and the replies that it waits for."""

import base64
import json

from lib.http_client import body_of, call, expect


class Client:
    # The status of a refresh, of a call with an access token, of that call after the sign-out, and of a wrong password.
    refreshed, called, called_after_sign_out, wrong_password = 200, 200, 401, 401
    # Whether a refresh gives another refresh token.
    rotates = True

    def __init__(self, url, username):
        self.url, self.username = url, username

    def post(self, path, body=None, token=None):
        return call(self.url, "POST", path, body, token)

    def send_password(self, password):
        return self.post(self.path, {"username": self.username, "password": password})

    def sign_in(self, password):
        return self.tokens(body_of(self.send_password(password)))

    def identity(self, refresh_token):
        """Differs between two refresh tokens that are not the same one."""
        return refresh_token


class Account(Client):
    name, path = "account", "/api/v2/account/signin/"
    invalid_token = (400, {"error": "invalid_grant"})
    must_change_password = (403, "password_change_required")

    def tokens(self, body):
        """The access token and the refresh token in the body of a sign-in or of a refresh."""
        body = body.get("token", body)
        return body["access_token"], body["refresh_token"]

    def refresh(self, refresh_token):
        form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "postern")]
        return self.post("/oauth/token/", form)

    def use(self, access_token):
        return self.post("/api/v2/sso/signin/", token=access_token)

    def sign_out(self, access_token, refresh_token):
        form = [("token", refresh_token), ("client_id", "postern")]
        expect(body_of(self.post("/oauth/revoke_token/", form)), {}, "the revocation")
        expect(body_of(self.post("/oauth/revoke_token/", form[:1])), {}, "a second revocation")


class Session(Client):
    name, path, wrong_password, rotates = "session", "/api/auth/signin", 400, False
    # The only route that takes its JWT is the sign-out. It answers 404 to an unknown session, and the JWT stays valid.
    refreshed, called, called_after_sign_out = 202, 404, 404
    invalid_token = (
        400,
        {
            "msg": "You have been logged out of this session or this session token is incorrect",
            "error_code": "session_token_incorrect",
        },
    )
    must_change_password = (400, "change_password")
    sessions_path = "/api/v1/user/myself/session"
    sign_out_path = f"{sessions_path}/logoutCurrentSession"

    def send_password(self, password):
        session = {"session_information": "a check", "stay_logged_in": True}
        return self.post(self.path, {"username": self.username, "password": password} | session)

    def tokens(self, body):
        self.session_token = body.get("session_token") or self.session_token
        return body["token"], self.session_token

    def refresh(self, session_token):
        return self.post("/api/auth/IamLoggedIn", {"session_token": session_token, "session_information": "a check"})

    def use(self, jwt):
        return self.post(self.sign_out_path, {"session_token": "another"}, jwt)

    def sign_out(self, jwt, session_token):
        path, body = f"{self.sign_out_path}?token={jwt}", {"session_token": session_token}
        expect(body_of(self.post(path, body)), {"msg": "Successfully logged out and deleted session"}, "the sign-out")
        again = self.post(path, body)
        expect((again.status, again.body["error_code"]), (404, "session_token_incorrect"), "a second sign-out")

    def list_sessions(self, jwt):
        # As HttpService.loggedInV1GETRequest of the product's web page.
        return call(self.url, "GET", f"{self.sessions_path}?token={jwt}")

    def delete_session(self, jwt, number):
        # As HttpService.loggedInV1DELETERequest. JavaScript writes the number.
        return call(self.url, "DELETE", f"{self.sessions_path}/{float(number):.0f}?token={jwt}")

    def change_password(self, old, new):
        body = {"username": self.username, "old_password": old, "new_password": new, "stay_logged_in": True}
        reply = self.post("/api/auth/changePasswordAfterSignin", body)
        return reply.status, reply.body


class Mfa(Client):
    name, path = "mfa", "/signin"
    invalid_token = (401, {"result": "error", "error": "authenticationFailed"})
    must_change_password = (403, "passwordChangeRequired")

    def tokens(self, body):
        return body["token"], None

    def use(self, jwt):
        return call(self.url, "GET", "/whoami/jwt", token=jwt)

    def set_mfa(self, jwt, **request):
        return self.post("/account/mfa/jwt", request, jwt)


class Email(Client):
    name, path, wrong_password = "email", "/api/sign-in/", 400
    # An access token stays valid until it expires.
    called_after_sign_out = 200
    invalid_token = (401, {"detail": "Token is invalid or expired", "code": "token_not_valid"})
    must_change_password = (403, "Password change required.")

    def send_password(self, password):
        return self.post(self.path, {"email": f"{self.username}@example.com", "password": password})

    def tokens(self, body):
        return body["access"], body["refresh"]

    def refresh(self, refresh_token):
        return self.post("/api/token/refresh/", {"refresh": refresh_token})

    def use(self, access_token):
        return call(self.url, "GET", "/api/profile/", token=access_token)

    def sign_out(self, access_token, refresh_token):
        expect(body_of(self.post("/api/token/blacklist/", {"refresh": refresh_token})), {}, "the sign-out")
        again = self.post("/api/token/blacklist/", {"refresh": refresh_token})
        expect((again.status, again.body), self.invalid_token, "a second sign-out")

    def identity(self, refresh_token):
        claims = refresh_token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]


CLIENTS = {client.name: client for client in [Account, Session, Mfa, Email]}
