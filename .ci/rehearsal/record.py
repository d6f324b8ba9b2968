"""Records the calls to AWS of the deployed functions, if POSTERN_CALLS names a folder: see tests/src/calls.rs."""

import json
import os
import subprocess
from pathlib import Path

from lib.servers import ServerFailed
from lib.workspace import functions, logical_id, target_directory


class Recorder:
    """A relay before the emulator for each function. It ends with the rehearsal, which holds its standard input."""

    def __init__(self, url):
        self.folder = Path(os.environ["POSTERN_CALLS"])
        program = target_directory() / "debug" / "record-calls"
        if not program.exists():
            raise ServerFailed(f"{program} is not there; `cargo test --workspace` builds it")
        names = [name_of(function) for function in functions()]
        self.process = subprocess.Popen(
            [program, url, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.urls = dict(self.process.stdout.readline().split() for _ in names)

    def relay(self, template):
        """Puts a relay between each function of a template and the emulator."""
        for function in functions():
            environment = template["Resources"][logical_id(function)]["Properties"]["Environment"]["Variables"]
            for service in ["DYNAMODB", "SECRETS_MANAGER", "SQS", "SESV2"]:
                environment[f"AWS_ENDPOINT_URL_{service}"] = self.urls[name_of(function)]

    def note(self, outputs):
        """Notes the names of the table and the secrets of a stack beside the calls."""
        names = {
            "table": outputs["TableName"],
            "secret": outputs["SigningKeysSecretArn"],
            "public_secret": outputs["PublicKeysSecretArn"],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"names-{names['table']}.json").write_text(json.dumps(names))


def name_of(function):
    return function.removesuffix("-signin")
