"""Signs in at each contract by the Python clients that were generated from docs/api. mypy checks the types.

The generated packages are in the same folder: `account_client`, `sso_client` and so on.
"""

import sys
from typing import TypeVar

import account_client.models as account
import email_client.models as email
import jwks_client.models as jwks
import mfa_client.models as mfa
import session_client.models as session
import sso_client.models as sso
from account_client import AuthenticatedClient as AccountApp
from account_client import Client as AccountClient
from account_client.api.account import account_revoke_token, account_sign_in, account_token
from email_client import AuthenticatedClient as EmailUser
from email_client import Client as EmailClient
from email_client.api.email import email_blacklist, email_profile, email_refresh, email_sign_in
from jwks_client import Client as JwksClient
from jwks_client.api.jwks import jwks_key_set
from mfa_client import AuthenticatedClient as MfaUser
from mfa_client import Client as MfaClient
from mfa_client.api.mfa import mfa_setup, mfa_sign_in, mfa_whoami
from session_client import AuthenticatedClient as SessionUser
from session_client import Client as SessionClient
from session_client.api.session import session_resume, session_sign_in, session_sign_out
from sso_client import AuthenticatedClient as SsoUser
from sso_client.api.sso import sso_sign_in

PASSWORD, WRONG = "SecurePass123!", "not the password"
T = TypeVar("T")


def expect(reply: object, kind: type[T]) -> T:
    if not isinstance(reply, kind):
        sys.exit(f"{reply} is no {kind.__name__}")
    return reply


def sign_in_at_account(url: str) -> str:
    client = AccountClient(base_url=url)
    body = account.Credentials(username="johndoe", password=PASSWORD)
    token = expect(account_sign_in.sync(client=client, body=body), account.SignedIn).token
    # Text here, a number after a refresh.
    lifetime: str = token.expires_in
    # HTTP Basic with `postern` as client_id and without a secret. It may be left out, but the generated code wants a client.
    app = AccountApp(base_url=url, prefix="Basic", token="cG9zdGVybjo=")
    form = account.RefreshForm(grant_type="refresh_token", refresh_token=token.refresh_token)
    tokens = expect(account_token.sync(client=app, body=form), account.Tokens)
    same: int = tokens.expires_in
    assert int(lifetime) == same, (lifetime, same)
    body.password = WRONG
    refused = expect(account_sign_in.sync(client=client, body=body), account.WrongCredentials)
    assert refused.errors[0].code == "authentication_failed", refused
    revocation = account.RevocationForm(token=tokens.refresh_token, client_id="another")
    refused_client = expect(account_revoke_token.sync(client=app, body=revocation), account.RevocationError)
    assert refused_client.error == "invalid_client", refused_client
    return tokens.access_token


def show_at_sso(url: str, access_token: str) -> None:
    user = expect(sso_sign_in.sync(client=SsoUser(base_url=url, token=access_token), body={}), sso.User)
    identifier: int = user.id
    assert (identifier, user.username) == (1, "johndoe"), user
    refused = sso_sign_in.sync(client=SsoUser(base_url=url, token="none"), body={})
    expect(refused, sso.Unauthenticated)


def sign_in_at_session(url: str) -> None:
    client = SessionClient(base_url=url)
    body = session.Credentials(username="johndoe", password=PASSWORD, stay_logged_in=True)
    signed_in = expect(session_sign_in.sync(client=client, body=body), session.SignedIn)
    session_token = expect(signed_in.session_token, str)
    resume = session.ResumeRequest(session_token=session_token)
    jwt = expect(session_resume.sync(client=client, body=resume), session.Resumed).token
    sign_out = session.SignOutRequest(session_token=session_token)
    user = SessionUser(base_url=url, token=jwt)
    expect(session_sign_out.sync(client=user, body=sign_out), session.SignedOut)
    assert expect(session_resume.sync(client=client, body=resume), session.SessionEnded)
    body.password = WRONG
    refused = expect(session_sign_in.sync(client=client, body=body), session.UsernameOrPasswordIncorrect)
    assert refused.error_code == "username_or_password_incorrect", refused


def sign_in_at_mfa(url: str) -> None:
    client = MfaClient(base_url=url)
    body = mfa.Credentials(username=1, password=PASSWORD)
    signed_in = expect(mfa_sign_in.sync(client=client, body=body), mfa.SignedIn)
    user = MfaUser(base_url=url, token=signed_in.token)
    shown = expect(mfa_whoami.sync(client=user), mfa.AccountShown)
    assert shown.account.username == signed_in.account.username == "johndoe", shown
    begun = expect(mfa_setup.sync(client=user, body=mfa.BeginMfa(mfa=True)), mfa.MfaBegun)
    assert begun.mfa.otpauth.startswith("otpauth://"), begun
    body.password = WRONG
    refused = expect(mfa_sign_in.sync(client=client, body=body), mfa.SignInFailed)
    assert refused.error == "signInFailed", refused


def sign_in_at_email(url: str) -> None:
    client = EmailClient(base_url=url)
    body = email.Credentials(email="johndoe@example.com", password=PASSWORD)
    signed_in = expect(email_sign_in.sync(client=client, body=body), email.SignedIn)
    token = email.RefreshToken(refresh=signed_in.refresh)
    tokens = expect(email_refresh.sync(client=client, body=token), email.Tokens)
    user = expect(email_profile.sync(client=EmailUser(base_url=url, token=tokens.access)), email.User)
    assert user == signed_in.user, user
    token.refresh = tokens.refresh
    expect(email_blacklist.sync(client=client, body=token), email.Empty)
    expect(email_refresh.sync(client=client, body=token), email.RefreshTokenInvalid)
    body.email = "nobody@example.com"
    refused = expect(email_sign_in.sync(client=client, body=body), email.UnknownUser)
    assert refused.error == "User does not exist.", refused


def main(url: str) -> None:
    show_at_sso(url, sign_in_at_account(url))
    sign_in_at_session(url)
    sign_in_at_mfa(url)
    sign_in_at_email(url)
    expect(jwks_key_set.sync(client=JwksClient(base_url=url)), jwks.KeySet)


if __name__ == "__main__":
    main(sys.argv[1])
