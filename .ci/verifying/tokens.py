"""The tokens that the stacks get: what `cargo run` issues, and what an attacker might make of it."""

import base64
import json

import jwt

from lib.http_client import body_of, call

PASSWORD = "SecurePass123!"
USER = 1
# The claim that holds the user's id.
USER_IDS = {"account": "user_id", "session": "sub", "mfa": "_id", "email": "user_id"}


def sign_in(url):
    """The JWT of each contract, and email's refresh token."""
    johndoe = {"username": "johndoe", "password": PASSWORD}
    email = body_of(call(url, "POST", "/api/sign-in/", {"email": "johndoe@example.com", "password": PASSWORD}))
    account = body_of(call(url, "POST", "/api/v2/account/signin/", johndoe))["token"]
    return {
        "account": account["access_token"],
        "session": body_of(call(url, "POST", "/api/auth/signin", johndoe))["token"],
        "mfa": body_of(call(url, "POST", "/signin", johndoe))["token"],
        "email": email["access"],
        "email refresh": email["refresh"],
        "account refresh": account["refresh_token"],
    }


def of_other_types(token, keys):
    """The token with a valid signature and another type, by that type."""
    private = json.loads(keys)["keys"][0]
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    types = {typ for typ in ["JWT", "other+jwt", "at+jwt", ""] if typ != header["typ"]}
    wrong = {f"the type `{typ}`": signed(private, header | {"typ": typ}, claims) for typ in sorted(types)}
    return wrong | {"no type": signed(private, {name: header[name] for name in header if name != "typ"}, claims)}


def refused(own, tokens, keys, others):
    """Every token that is not the token of contract `own`, by what is wrong with it. `keys` sign, `others` do not."""
    token = tokens[own]
    private = json.loads(keys)["keys"][0]
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})

    def sign(key=private, **changed):
        changed = {name: value for name, value in (claims | changed).items() if value is not None}
        return signed(key, header, changed)

    start, signature = token.rsplit(".", 1)
    public = json.dumps({name: private[name] for name in private if name in ("kty", "n", "e", "crv", "x", "y", "kid")})
    wrong = {f"the token of {name}": other for name, other in tokens.items() if name != own}
    return wrong | {
        "an expired token": sign(iat=claims["iat"] - 864000, exp=claims["iat"] - 3600),
        "no exp": sign(exp=None),
        "another signature": f"{start}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "no signature": f"{start}.",
        "another audience": sign(aud="another"),
        "no audience": sign(aud=None),
        "another issuer": sign(iss="https://other.example.com"),
        "no issuer": sign(iss=None),
        "alg none": signed(None, header | {"alg": "none"}, claims),
        "alg HS256 with the public key": signed(public, header | {"alg": "HS256"}, claims),
        "the kid of our key and another key": sign(json.loads(others)["keys"][0]),
        "an unknown kid": signed(private, header | {"kid": "unknown"}, claims),
    }


def signed(key, header, claims):
    """A token with this header, signed by a JWK, by the bytes of a text, or not at all."""
    part = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    message = b".".join(part)
    if key is None:
        return f"{message.decode()}."
    if isinstance(key, str):
        algorithm = jwt.get_algorithm_by_name("HS256")
        signature = algorithm.sign(message, key.encode())
    else:
        algorithm = jwt.get_algorithm_by_name(key["alg"])
        signature = algorithm.sign(message, algorithm.from_jwk(json.dumps(key)))
    return f"{message.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
