#!/usr/bin/env python3
"""Verifies our tokens as a backend does: by djangorestframework-simplejwt with the shared key, by PyJWT with the key set.
What a backend must refuse is tried too, and the profile's refusals must be those of simplejwt, byte for byte.

    .ci/clients/simplejwt.py URL SHARED_KEY [URL ...]

The first server signs with the shared key, the others with keys of their own. Needs djangorestframework-simplejwt[crypto].
"""

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
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        USE_TZ=True,
        SIMPLE_JWT={"SIGNING_KEY": key},
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
    from rest_framework_simplejwt.exceptions import TokenError
    from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, UntypedToken

    call_command("migrate", verbosity=0)
    User.objects.create(id=1, username="johndoe")
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
    profile_refusals(url, refresh)
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
