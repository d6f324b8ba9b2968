"""docs/verifying-tokens.md: its settings and its code, with the addresses of this machine filled in."""

import re
import subprocess

import yaml

from lib.http_client import Unexpected
from lib.workspace import ROOT

PAGE = (ROOT / "docs/verifying-tokens.md").read_text()
# What the examples name.
ISSUER = "https://sign-in.example.com"
CONTRACT, USER_ID, ALGORITHM = "email", "user_id", "RS256"


def block(heading, language):
    """The only block of this language in the section with this heading."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", section[1] if section else "", re.M | re.S)
    if len(blocks) != 1:
        raise Unexpected(f"the section `{heading}` has {len(blocks)} blocks of {language}")
    return blocks[0]


def fill_in(code, issuer, contract, user_id, algorithm):
    """The code for another contract and another algorithm, as the page says to change it."""
    for example, value in [
        (ISSUER, issuer),
        (f'"{CONTRACT}"', f'"{contract}"'),
        (f"[{CONTRACT}]", f"[{contract}]"),
        (f"audiences: {CONTRACT}", f"audiences: {contract}"),
        (ALGORITHM, algorithm),
    ]:
        code = code.replace(example, value)
    return re.sub(rf"\b{USER_ID}\b", user_id, code)


def settings(issuer):
    """The environment of `cargo run` with the parameters that the page sets."""
    deploy = next(each for each in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) if "sam deploy" in each)
    words = deploy.replace("\\\n", " ").split("--parameter-overrides")[1].split()
    parameters = dict(word.split("=") for word in words)
    template = (ROOT / "template.yaml").read_text()
    variables = {name: variable for variable, name in re.findall(r"^ +([A-Z_]+): !Ref (\w+)$", template, re.M)}
    return {variables[name]: value.replace(ISSUER, issuer) for name, value in parameters.items()}


def new_keys(postern, algorithm):
    """A key set as `postern` makes it, with its private members."""
    command = [postern, "keys", "new", "--alg", algorithm, "--private"]
    return subprocess.check_output(command, text=True)


def yaml_of(heading, *filling):
    return yaml.safe_load(fill_in(block(heading, "yaml"), *filling))
