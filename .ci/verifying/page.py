"""docs/verifying-tokens.md: its settings and its code, with the addresses of this machine filled in."""

import re
import subprocess

import yaml

from lib.http_client import Unexpected
from lib.workspace import ROOT

PAGE = (ROOT / "docs/verifying-tokens.md").read_text()
# What the examples name.
ISSUER = "https://sign-in.example.com"
CONTRACT, USER_ID, ALGORITHM, TYPE = "email", "user_id", "RS256", "JWT"


def block(heading, language):
    """The only block of this language in the section with this heading."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", section[1] if section else "", re.M | re.S)
    if len(blocks) != 1:
        raise Unexpected(f"the section `{heading}` has {len(blocks)} blocks of {language}")
    return blocks[0]


def own_type(contract):
    """The type of a contract's tokens in the second command of the page."""
    return f"{contract}+jwt"


def fill_in(code, issuer, contract, user_id, algorithm, typ):
    """The code for another contract, algorithm and type, as the page says to change it."""
    for example, value in [
        (ISSUER, issuer),
        (f'"{TYPE}"', f'"{typ}"'),
        (f'"{own_type(CONTRACT)}"', f'"{typ}"'),
        (f'"{CONTRACT}"', f'"{contract}"'),
        (f"[{CONTRACT}]", f"[{contract}]"),
        (f"audiences: {CONTRACT}", f"audiences: {contract}"),
        (ALGORITHM, algorithm),
    ]:
        code = code.replace(example, value)
    return re.sub(rf"\b{USER_ID}\b", user_id, code)


def settings(issuer, typed):
    """The environment of `cargo run` with the parameters that the page sets: issuers and audiences, and if `typed` also
    types.
    """
    wanted = ["JwtIssuer="] + ["JwtType="] * typed
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    commands = [each for each in blocks if any(parameter in each for parameter in wanted)]
    words = [each.replace("\\\n", " ").split("--parameter-overrides")[1].split() for each in commands]
    parameters = dict(word.split("=") for word in sum(words, []))
    template = (ROOT / "template.yaml").read_text()
    variables = {name: variable for variable, name in re.findall(r"^ +([A-Z_]+): !Ref (\w+)$", template, re.M)}
    return {variables[name]: value.replace(ISSUER, issuer) for name, value in parameters.items()}


def new_keys(postern, algorithm):
    """A key set as `postern` makes it, with its private members."""
    command = [postern, "keys", "new", "--alg", algorithm, "--private"]
    return subprocess.check_output(command, text=True)


def yaml_of(heading, *filling):
    return yaml.safe_load(fill_in(block(heading, "yaml"), *filling))
