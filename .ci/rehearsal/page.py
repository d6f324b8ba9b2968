"""A page of docs/ whose commands are run one block after the other in one shell, as its reader runs them."""

import re
import subprocess

from samcli.cli.types import CfnParameterOverridesType

from lib.http_client import Unexpected
from lib.workspace import ROOT
from rehearsal.stack import Stack
from rehearsal.steps.create import PARAMETERS

# `sam` cannot deploy into the emulator, which needs its mends. It leaves its arguments for `Page`.
SAM = 'sam() { printf "%s\\n" "$@" > sam-arguments; }\n'
END = "-- end of the block:"


class Page:
    """A page, followed for a stack in the stack's folder. `stacks` has all stacks by Region and name."""

    def __init__(self, stack, name):
        self.stack, self.name, self.folder = stack, name, stack.folder / name
        self.folder.mkdir()
        self.stacks = {(stack.region, stack.name): stack}
        self.left = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / name).read_text(), re.M | re.S)
        options = stack.options
        environment = stack.emulator.environment()
        # Version 1 of the AWS CLI knows the Region by this name only.
        environment |= {"AWS_DEFAULT_REGION": stack.region, "AWS_PAGER": ""}
        environment["PATH"] = f"{options.programs}:{options.ministack.absolute().parent}:{environment['PATH']}"
        self.shell = subprocess.Popen(
            ["bash", "--norc", "-u"],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.execute(SAM)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.shell.stdin.close()
        self.shell.wait()
        if not kind and self.left:
            raise Unexpected(f"no step runs these blocks of {self.name}:\n" + "\n".join(self.left))

    def fill_in(self, **values):
        """Runs the next block, in which the reader fills in each `…`."""
        block = self.left.pop(0)
        if sorted(re.findall(r"(\w+)=…", block)) != sorted(values):
            raise Unexpected(f"the next block of {self.name} to be filled in is: {block}")
        self.execute("export " + " ".join(f"{name}='{value}'" for name, value in values.items()))

    def run(self, part):
        """Runs the next block, which must contain this text. Returns what it prints."""
        block = self.left.pop(0)
        if part not in block or "…" in block:
            raise Unexpected(f"the next block of {self.name} has no `{part}`, or is to be filled in: {block}")
        printed = self.execute(block)
        arguments = self.folder / "sam-arguments"
        if arguments.exists():
            self.deploy(arguments.read_text().splitlines())
            arguments.unlink()
        return printed

    def skip(self, part):
        """Leaves the next block out, which must contain this text: the emulator does not know it."""
        block = self.left.pop(0)
        if part not in block:
            raise Unexpected(f"the next block of {self.name} has no `{part}`: {block}")

    def execute(self, block):
        """Runs a block, of which each command must succeed. Returns what it prints."""
        # A reader sees a command that fails, and stops there.
        self.shell.stdin.write(f"set -e; {{ {block}\n}} < /dev/null; set +e; echo '{END}'\n")
        self.shell.stdin.flush()
        printed = []
        for line in self.shell.stdout:
            if line.rstrip() == END:
                return "".join(printed)
            printed.append(line)
        raise Unexpected(f"a command fails in this block of {self.name}:\n{block}\n{''.join(printed)}")

    def deploy(self, arguments):
        """Does what `sam deploy` with these arguments does: creates a stack, or updates it."""
        options, parameters = {"--region": self.stack.region}, {}
        if arguments.pop(0) != "deploy":
            raise Unexpected(f"a command of SAM that the rehearsal does not know: {arguments}")
        while arguments:
            option = arguments.pop(0)
            if option == "--parameter-overrides":
                parameters = CfnParameterOverridesType().convert(tuple(arguments), None, None)
                break
            options[option] = arguments.pop(0)
        place = options["--region"], options["--stack-name"]
        if place in self.stacks:
            self.stacks[place].update(**parameters)
        else:
            new = Stack(self.stack.emulator, self.stack.options, self.stack.folder, *reversed(place))
            new.create(**PARAMETERS | parameters)
            self.stacks[place] = new
