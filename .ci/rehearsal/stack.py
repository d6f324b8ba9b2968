"""The deployed stack, as the steps use it."""

import hashlib
import io
import json
import os
import subprocess
import time
import zipfile

import boto3
from botocore.config import Config

from lib.http_client import Unexpected, call, expect
from lib.template import BUCKET, resources, translate
from lib.workspace import target_directory
from rehearsal.emulator import ACCESS_KEY, REGION, SECRET_KEY
from rehearsal.mends import OTHER_REGION_MENDS, STACK_MENDS, TEMPLATE_MENDS
from rehearsal.record import Recorder


class Stack:
    """`outputs` and `ids` (physical ids by logical ones) are those of the last operation, `template` is what was deployed."""

    def __init__(self, emulator, options, folder, name="postern", region=REGION):
        self.emulator, self.options, self.folder = emulator, options, folder
        self.name, self.region = name, region
        # The code of a function is in a bucket of its Region, as `sam deploy` puts it.
        self.bucket = f"{BUCKET}-{region}"
        self.binaries = options.binaries or target_directory() / "lambda"
        self.clients, self.uploaded = {}, set()
        self.parameters = {}
        self.outputs, self.ids, self.template = {}, {}, None
        self.recorder = Recorder(emulator.url) if os.environ.get("POSTERN_CALLS") else None

    @property
    def is_home(self):
        """Whether the stack is in the Region of the rehearsal."""
        return self.region == REGION

    def client(self, service):
        """A client of one of AWS's APIs, with the rights of the account's root."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                region_name=self.region,
                endpoint_url=self.emulator.url,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=SECRET_KEY,
                config=Config(retries={"total_max_attempts": 2}),
            )
        return self.clients[service]

    def create(self, **parameters):
        self.deploy("create_stack", "CREATE_COMPLETE", parameters)

    def update(self, binaries=None, **parameters):
        """Updates the stack, with today's binaries or others. Parameters that are not named keep their values."""
        self.deploy("update_stack", "UPDATE_COMPLETE", self.parameters | parameters, binaries=binaries)

    def delete(self):
        self.client("cloudformation").delete_stack(StackName=self.name)
        stack = self.settled()
        expect(stack and stack["StackStatus"], None, "the stack after its deletion")

    def deploy(self, operation, expected, parameters, binaries=None, more=None):
        """Uploads code and template as `sam deploy` does, and waits until the stack is `expected`.

        `more` is added to what the template says of all functions.
        """
        self.parameters = parameters
        self.template = translate(parameters, more=more)
        for mend in TEMPLATE_MENDS + ([] if self.is_home else OTHER_REGION_MENDS):
            mend(self.template)
        if self.recorder:
            self.recorder.relay(self.template)
        self.upload_code(binaries or self.binaries)
        self.put("template.json", json.dumps(self.template, separators=(",", ":")).encode())
        self.ask(operation, parameters)
        stack = self.settled()
        if not stack or stack["StackStatus"] != expected:
            raise Unexpected(f"the stack is {stack and stack['StackStatus']} and not {expected}:\n{self.failures()}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        made = self.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        self.ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in made}
        for mend in STACK_MENDS:
            mend(self)
        if self.recorder:
            self.recorder.note(self.outputs)

    def upload_code(self, binaries):
        """Puts binaries into the bucket. The S3Key of a function names the digest of its binary, as with SAM."""
        for function in resources(self.template, "AWS::Lambda::Function").values():
            code = function["Properties"]["Code"]
            binary = (binaries / code["S3Key"] / "bootstrap").read_bytes()
            code["S3Bucket"] = self.bucket
            code["S3Key"] = f"{code['S3Key']}-{hashlib.sha256(binary).hexdigest()}.zip"
            if code["S3Key"] not in self.uploaded:
                self.put(code["S3Key"], zipped(binary))
                self.uploaded.add(code["S3Key"])

    def put(self, key, body):
        buckets = self.client("s3")
        if self.bucket not in [bucket["Name"] for bucket in buckets.list_buckets()["Buckets"]]:
            # A bucket is in us-east-1 if no place is named, and cannot be placed there by name.
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            buckets.create_bucket(Bucket=self.bucket, **({} if self.region == "us-east-1" else place))
        buckets.put_object(Bucket=self.bucket, Key=key, Body=body)

    def functions(self):
        """The logical ids of the functions."""
        return sorted(resources(self.template, "AWS::Lambda::Function"))

    def binary(self, function):
        """The file of a function's program."""
        return (
            self.binaries / self.template["Resources"][function]["Metadata"]["BuildProperties"]["Binary"] / "bootstrap"
        )

    def replace_environments(self, function):
        """Ends the environments of a function. The next request starts a new one, as after any change of configuration."""
        self.client("lambda").update_function_configuration(FunctionName=self.ids[function], MemorySize=1769)

    def ask(self, operation, parameters):
        """Asks CloudFormation to create or update the stack from the template in the bucket."""
        getattr(self.client("cloudformation"), operation)(
            StackName=self.name,
            TemplateURL=f"{self.emulator.url}/{self.bucket}/template.json",
            # Only the mends of another Region name roles.
            Capabilities=["CAPABILITY_IAM" if self.is_home else "CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()],
        )

    def settled(self):
        """Waits until no operation is in progress. Returns the stack, or nothing if there is none."""
        stacks = self.client("cloudformation")
        for _ in range(600):
            try:
                (stack,) = stacks.describe_stacks(StackName=self.name)["Stacks"]
            except stacks.exceptions.ClientError:
                return None
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack
            time.sleep(0.2)
        raise Unexpected("the stack is still in progress after two minutes")

    def errors(self, lines=20):
        """The last lines of the level ERROR that functions logged."""
        logs = self.client("logs")
        events = []
        for group in logs.describe_log_groups()["logGroups"]:
            events += logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        events.sort(key=lambda event: event["timestamp"])
        return "\n".join([event["message"].strip() for event in events if "ERROR" in event["message"]][-lines:])

    def failures(self):
        events = self.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        )

    def resolved(self, node):
        """The value of a part of the template, as far as it consists of parameters, Fn::Split and Ref of resources."""
        if isinstance(node, list):
            return [self.resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if [*node] == ["Ref"]:
            name = node["Ref"]
            if name in self.ids:
                return self.ids[name]
            return self.parameters.get(name, self.template["Parameters"][name].get("Default"))
        if [*node] == ["Fn::Split"]:
            separator, text = node["Fn::Split"]
            return self.resolved(text).split(separator)
        return {name: self.resolved(item) for name, item in node.items()}

    @property
    def url(self):
        """The address of the API. The path carries what the name of the host carries on AWS: no resolver knows that name."""
        return f"{self.emulator.url}/_aws/execute-api/{self.ids['Api']}/$default"

    def call(self, method, path, body=None, token=None):
        """Sends a request to the API. Returns status, body and headers."""
        return call(self.url, method, path, body, token)

    def environment(self):
        """The environment of an operator of this stack."""
        return self.emulator.environment() | {
            "AWS_REGION": self.region,
            "TABLE_NAME": self.outputs["TableName"],
            "SIGNING_KEYS_SECRET_ARN": self.outputs["SigningKeysSecretArn"],
            "PUBLIC_KEYS_SECRET_ARN": self.outputs["PublicKeysSecretArn"],
        }

    def postern(self, *arguments, stdin="", codes=(0,)):
        """Runs the operator's command line, which must end with one of these codes. Returns its JSON, or its words."""
        command = [self.options.programs / "postern", *map(str, arguments), "--json"]
        ended = subprocess.run(command, env=self.environment(), input=stdin, capture_output=True, text=True)
        if ended.returncode not in codes:
            raise subprocess.CalledProcessError(ended.returncode, command, ended.stdout, ended.stderr)
        return json.loads(ended.stdout) if ended.stdout else ended.stderr


def zipped(binary):
    """The zip of a function, whose only file is the program `bootstrap`."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        writer.writestr(entry, binary)
    return archive.getvalue()
