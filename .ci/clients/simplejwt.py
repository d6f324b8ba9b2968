#!/usr/bin/env python3
"""Verifies our tokens as a backend does: by djangorestframework-simplejwt with the shared key, by PyJWT with the key set.
What a backend must refuse is tried too, and the profile's refusals must be those of simplejwt, byte for byte. Email's token
routes must answer as simplejwt's views answer in its own tests.

    .ci/clients/simplejwt.py URL SHARED_KEY [URL ...]

The first server signs with the shared key, the others with keys of their own. Needs djangorestframework-simplejwt[crypto].
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import django
import jwt
from django.conf import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lib.http_client import Unexpected, body_of, call, expect, report

PASSWORD = "SecurePass123!"


def main(url, key, *others):
    settings.configure(
        SECRET_KEY="not used",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "rest_framework_simplejwt.token_blacklist",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        USE_TZ=True,
        SIMPLE_JWT={"SIGNING_KEY": key, "ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
    )
    django.setup()
    shared_key(url, key)
    for other in others:
        key_set(other)


def shared_key(url, key):
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from rest_framework.exceptions import AuthenticationFailed
    from rest_framework.test import APIRequestFactory
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.backends import TokenBackend
    from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
    from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, UntypedToken

    call_command("migrate", verbosity=0)
    User.objects.create_user(id=1, username="johndoe", password=PASSWORD)
    User.objects.create_user(username="blocked", password="Password1234!", is_active=False)
    tokens = email(url)
    access, refresh = tokens["access"], tokens["refresh"]
    expect(jwt.get_unverified_header(access), {"typ": "JWT", "alg": "HS256"}, "the header")

    def authenticate(token):
        request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}")
        return JWTAuthentication().authenticate(request)[0].username

    expect(authenticate(access), "johndoe", "JWTAuthentication")
    expect(AccessToken(access)["user_id"], 1, "AccessToken")
    expect(UntypedToken(access)["token_type"], "access", "UntypedToken")
    expect(RefreshToken(refresh)["user_id"], 1, "RefreshToken")
    report("simplejwt verifies an access token by the shared key: JWTAuthentication, AccessToken, UntypedToken")
    refuses(lambda: AccessToken(refresh), TokenError, "AccessToken of a refresh token")
    refuses(lambda: authenticate(refresh), AuthenticationFailed, "JWTAuthentication of a refresh token")
    refuses(lambda: AccessToken(tampered(access)), TokenError, "AccessToken with another signature")
    refuses(lambda: authenticate(tampered(access)), AuthenticationFailed, "JWTAuthentication with another signature")
    report("simplejwt refuses the refresh token as an access token, and another signature")
    account = body_of(call(url, "POST", "/api/v2/account/signin/", {"username": "johndoe", "password": PASSWORD}))
    expect(authenticate(account["token"]["access_token"]), "johndoe", "JWTAuthentication of account's token")
    signed = AccessToken.for_user(User.objects.get(id=1))
    expect(signed["user_id"], "1", "the id that for_user writes")
    expect(body_of(call(url, "POST", "/api/v2/sso/signin/", token=str(signed)))["username"], "johndoe", "sso")
    report("simplejwt verifies account's access token too, and signs one that sso accepts")
    backend = TokenBackend("HS256", key, issuer="email")
    expect(backend.decode(access)["user_id"], 1, "email's access token with ISSUER")
    refuses(lambda: backend.decode(account["token"]["access_token"]), TokenBackendError, "account's with ISSUER")
    report("simplejwt with ISSUER refuses account's access token")
    profile_refusals(url, refresh)
    credentials(url)
    tokens_in_bodies(url)
    expect(body_of(call(url, "GET", "/.well-known/jwks.json")), {"keys": []}, "the key set")
    report("the key set does not show the shared key")


def profile_refusals(url, refresh):
    """The profile answers an unauthenticated caller with the bytes of the framework."""
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.renderers import JSONRenderer
    from rest_framework.test import APIRequestFactory
    from rest_framework.views import APIView
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.tokens import AccessToken

    class Profile(APIView):
        authentication_classes = [JWTAuthentication]
        permission_classes = [IsAuthenticated]
        renderer_classes = [JSONRenderer]

        def get(self, request):
            raise Unexpected("the framework accepts the header")

    expired = AccessToken()
    expired["user_id"], expired["iss"] = "1", "email"
    expired.set_exp(lifetime=timedelta(days=-1))
    headers = [
        None,
        "Token x",
        "Bearer",
        "Bearer a b",
        "Bearer x",
        f"Bearer {refresh}",
        f"Bearer {tampered(refresh)}",
        f"Bearer {expired}",
    ]
    for header in headers:
        sent = {"HTTP_AUTHORIZATION": header} if header else {}
        theirs = Profile.as_view()(APIRequestFactory().get("/", **sent)).render()
        request = urllib.request.Request(f"{url}/api/profile/", headers={"Authorization": header} if header else {})
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as ours:
            with ours:
                expect(
                    (ours.status, ours.read(), ours.headers["WWW-Authenticate"]),
                    (theirs.status_code, theirs.content, theirs.headers["WWW-Authenticate"]),
                    header,
                )
        else:
            raise Unexpected(f"{header} is accepted")
    report(f"the profile refuses {len(headers)} kinds of Authorization in simplejwt's own bytes")


def framework(view, body):
    """The reply of a view of the framework: the status, the bytes, and the challenge."""
    from rest_framework.renderers import JSONRenderer
    from rest_framework.test import APIRequestFactory

    reply = view.as_view(renderer_classes=[JSONRenderer])(APIRequestFactory().post("/", body, format="json")).render()
    return reply.status_code, reply.content, reply.headers.get("WWW-Authenticate")


def ours(url, path, body):
    """The same of our route."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers)
    try:
        reply = urllib.request.urlopen(request)
    except urllib.error.HTTPError as refused:
        reply = refused
    with reply:
        return reply.status, reply.read(), reply.headers["WWW-Authenticate"]


def credentials(url):
    """`TestTokenObtainPairView`: a refusal has the bytes of the framework and a code, and a success its members."""
    from rest_framework_simplejwt.views import TokenObtainPairView

    johndoe = {"username": "johndoe", "password": PASSWORD}
    refused = [
        {},
        {"username": "johndoe"},
        {"password": PASSWORD},
        {"username": None, "password": None},
        {"username": "", "password": ""},
        {"username": True, "password": [PASSWORD]},
        {"username": {}, "password": PASSWORD},
        johndoe | {"password": "not the password"},
        johndoe | {"username": "nobody"},
        johndoe | {"username": "johndoe@example.com"},
        {"username": "blocked", "password": "Password1234!"},
    ]
    for body in refused:
        status, text, challenge = ours(url, "/api/token/", body)
        # The framework raises this error with the code, and leaves the code out of the reply.
        text = text.replace(b',"code":"no_active_account"', b"")
        expect((status, text, challenge), framework(TokenObtainPairView, body), body)
    theirs = json.loads(framework(TokenObtainPairView, johndoe)[1])
    tokens = json.loads(ours(url, "/api/token/", johndoe)[1])
    expect([*tokens], [*theirs], "the members of a success")
    report(f"/api/token/ refuses {len(refused)} bodies as the framework does, with a code more, and gives its members")


def tokens_in_bodies(url):
    """`TestTokenRefreshView`, `TestTokenVerifyView` and `TestTokenBlacklistView`."""
    from rest_framework_simplejwt.tokens import RefreshToken
    from rest_framework_simplejwt.views import (
        TokenBlacklistView,
        TokenObtainPairView,
        TokenRefreshView,
        TokenVerifyView,
    )

    johndoe = {"username": "johndoe", "password": PASSWORD}
    routes = [
        ("/api/token/refresh/", TokenRefreshView, "refresh"),
        ("/api/token/verify/", TokenVerifyView, "token"),
        ("/api/token/blacklist/", TokenBlacklistView, "refresh"),
    ]
    without_exp, expired = RefreshToken(), RefreshToken()
    del without_exp["exp"]
    expired.set_exp(lifetime=timedelta(seconds=-1))
    for path, view, field in routes:
        expect(ours(url, path, {}), framework(view, {}), f"{path} without {field}")
        for token in [without_exp, expired, "x"]:
            replies = [ours(url, path, {field: str(token)}), framework(view, {field: str(token)})]
            outcomes = [(status, json.loads(body)["code"]) for status, body, _ in replies]
            expect(outcomes, [(401, "token_not_valid")] * 2, f"{path} with an invalid token")
    report("refresh, verify and blacklist refuse a missing and an invalid token as the framework does")

    def send(path, view, body):
        """Sends a body for each of the two: our tokens to ours, the framework's to the framework."""
        replies = [ours(url, path, body[0]), framework(view, body[1])]
        return [status for status, _, _ in replies], [json.loads(text) for _, text, _ in replies]

    def signed_in():
        return send("/api/token/", TokenObtainPairView, [johndoe, johndoe])[1]

    def verify(tokens, member):
        bodies = [{"token": each[member]} for each in tokens]
        return send("/api/token/verify/", TokenVerifyView, bodies)

    def refresh(tokens):
        return send("/api/token/refresh/", TokenRefreshView, [{"refresh": each["refresh"]} for each in tokens])

    def blacklist(tokens):
        return send("/api/token/blacklist/", TokenBlacklistView, [{"refresh": each["refresh"]} for each in tokens])

    tokens = signed_in()
    for member in ["access", "refresh"]:
        expect(verify(tokens, member), ([200, 200], [{}, {}]), f"{member} is verified")
    expect(blacklist(tokens), ([200, 200], [{}, {}]), "the blacklisting")
    # The framework answers 400 to a blacklisted token here, and Postern 401 as to every invalid one.
    expect(verify(tokens, "refresh")[0], [401, 400], "a blacklisted token is verified")
    expect(verify(tokens, "access")[0], [200, 200], "the access token stays valid")
    expect(refresh(tokens)[0], [401, 401], "a blacklisted token is refreshed")
    expect(blacklist(tokens)[0], [401, 401], "a second blacklisting")
    report("a blacklisted refresh token is refused at refresh, verify and blacklist, and its access token is not")


def key_set(url):
    from rest_framework_simplejwt.backends import TokenBackend
    from rest_framework_simplejwt.exceptions import TokenBackendError

    at = f"{url}/.well-known/jwks.json"
    client = jwt.PyJWKClient(at)
    access = email(url)["access"]
    algorithm = jwt.get_unverified_header(access)["alg"]

    def verify(token, **more):
        return jwt.decode(token, client.get_signing_key_from_jwt(token), [algorithm], **more)

    expect(verify(access)["user_id"], 1, "email's access token")
    johndoe = {"username": "johndoe", "password": PASSWORD}
    account = body_of(call(url, "POST", "/api/v2/account/signin/", johndoe))["token"]["access_token"]
    session = body_of(call(url, "POST", "/api/auth/signin", johndoe))["token"]
    mfa = body_of(call(url, "POST", "/signin", johndoe))["token"]
    expect(verify(account)["user_id"], 1, "account's access token")
    expect(verify(session, issuer="lumen-jwt", options={"verify_sub": False})["sub"], 1, "session's JWT")
    expect(verify(mfa, issuer="postern", audience="postern")["_id"], 1, "mfa's JWT")
    refuses(lambda: verify(tampered(access)), jwt.InvalidSignatureError, f"{algorithm} with another signature")
    report(f"PyJWKClient verifies {algorithm} tokens of email, account, session and mfa, and refuses another signature")
    if algorithm == "ES256":
        backend = TokenBackend(algorithm, jwk_url=at)
        expect(backend.decode(access)["user_id"], 1, "simplejwt by the key set")
        refuses(lambda: backend.decode(tampered(access)), TokenBackendError, "simplejwt by the key set, tampered")
        report("simplejwt verifies it with JWK_URL")


def email(url):
    body = {"email": "johndoe@example.com", "password": PASSWORD}
    return body_of(call(url, "POST", "/api/sign-in/", body))


def tampered(token):
    """Changes the first digit of the signature: some bits of the last one do not count."""
    start, signature = token.rsplit(".", 1)
    return f"{start}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def refuses(verify, error, what):
    try:
        verified = verify()
    except error:
        return
    raise Unexpected(f"{what}: {verified!r} and no {error.__name__}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
