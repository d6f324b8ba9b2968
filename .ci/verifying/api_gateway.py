"""What API Gateway's JWT authorizer does with a token, step by step as AWS's page "Control access to HTTP APIs with JWT
authorizers in API Gateway" says. It is not API Gateway: that cannot run here.
"""

import time

import jwt

from lib.http_client import expect

# "Currently, only RSA-based algorithms are supported."
ALGORITHMS = ("RS256", "RS384", "RS512")


class Authorizer:
    """An authorizer with the lines of the page. `get` reads the JSON at a URL."""

    def __init__(self, lines, get):
        auth = lines["Api"]["Properties"]["Auth"]
        authorizer = auth["Authorizers"][auth["DefaultAuthorizer"]]
        expect(authorizer["IdentitySource"], "$request.header.Authorization", "the identity source")
        self.issuer, self.audience = (
            authorizer["JwtConfiguration"]["issuer"],
            authorizer["JwtConfiguration"]["audience"],
        )
        metadata = get(f"{self.issuer}/.well-known/openid-configuration")
        # OpenID Connect Discovery 1.0, section 4.3.
        expect(metadata["issuer"], self.issuer, "the issuer of the discovery document")
        self.keys = get(metadata["jwks_uri"])["keys"]
        expect(
            sorted({key["alg"] for key in self.keys}),
            sorted(metadata["id_token_signing_alg_values_supported"]),
            "the algorithms of the discovery document",
        )

    def verify(self, token):
        """Returns the claims, or raises an error."""
        header = jwt.get_unverified_header(token)
        key = next((key for key in self.keys if key["kid"] == header["kid"]), None)
        if key is None or header["alg"] != key["alg"] or key["alg"] not in ALGORITHMS:
            raise jwt.InvalidTokenError("kid or algorithm")
        only_signature = {"verify_signature": True} | dict.fromkeys(
            ["verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"], False
        )
        public = jwt.PyJWK(key)
        claims = jwt.decode(token, public, algorithms=[key["alg"]], options=only_signature)
        now = time.time()
        audience = claims.get("aud", claims.get("client_id"))
        audience = audience if isinstance(audience, list) else [audience]
        for holds, what in [
            (claims.get("iss") == self.issuer, "iss"),
            (set(audience) & set(self.audience), "aud or client_id"),
            (claims.get("exp", 0) > now, "exp"),
            (claims.get("nbf", 0) <= now, "nbf"),
            (claims.get("iat", 0) <= now, "iat"),
        ]:
            if not holds:
                raise jwt.InvalidTokenError(what)
        return claims


def run(lines, user_id, get, tokens):
    """Yields the user's id of each token, or why it is refused."""
    authorizer = Authorizer(lines, get)
    for token in tokens:
        try:
            yield {"id": authorizer.verify(token)[user_id]}
        except (jwt.PyJWTError, KeyError) as error:
            yield {"refused": repr(error)}
