"""The roles of the functions, as template.yaml makes them."""

import copy
import re
import sys

from lib.template import resources, translate
from lib.workspace import functions, logical_id

ACCOUNT, REGION = "123456789012", "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "postern",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}


def table(name="Table"):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def secret(name="SigningKeys"):
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"


def queue(name="MailQueue"):
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def identity(address):
    return f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{address}"


def log_group(name):
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"


class Role:
    """What a function may do: `statements`, each with the name of its policy."""

    def __init__(self, template, function):
        self.name = function.removesuffix("-signin")
        properties = template.resource(logical_id(function))
        self.log_group = log_group(template.named(properties["LoggingConfig"]["LogGroup"]))
        role = template.resource(template.named(properties["Role"]))
        self.trust = role["AssumeRolePolicyDocument"]["Statement"]
        self.policies = []
        for attached in role.get("ManagedPolicyArns", []):
            name = template.named(attached)
            self.policies.append((name, template.resource(name)["PolicyDocument"]))
        self.policies += [(policy["PolicyName"], policy["PolicyDocument"]) for policy in role.get("Policies", [])]

    @property
    def statements(self):
        return [statement for _, document in self.policies for statement in document["Statement"]]

    def parts(self):
        """Each part that could be left out: its description, and the statements without it."""
        before = 0
        for name, document in self.policies:
            for at, statement in enumerate(document["Statement"]):
                for what, less in parts(statement):
                    statements = self.statements
                    statements[before + at : before + at + 1] = less
                    yield f"{what} in statement {at + 1} of {name}", statement, statements
            before += len(document["Statement"])


def parts(statement):
    """Each action, resource and value of a condition of a statement, and the statement without it."""
    for member in ["Action", "Resource"]:
        values = listed(statement[member])
        for value in values:
            rest = [other for other in values if other != value]
            yield f"{member} {value}", [statement | {member: rest}] if rest else []
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            for value in listed(values) if operator != "Null" else []:
                less = copy.deepcopy(statement)
                less["Condition"][operator][key] = rest = [other for other in listed(values) if other != value]
                yield f"{key} {value}", [less] if rest else []


def listed(value):
    return value if isinstance(value, list) else [value]


class Template:
    """The translated template with sample ARNs, for these values of parameters."""

    def __init__(self, parameters):
        self.template = translate(parameters)
        self.parameters = {
            name: parameters.get(name, parameter.get("Default"))
            for name, parameter in self.template["Parameters"].items()
        }

    def roles(self):
        there = (
            name
            for name in functions()
            if self.condition(self.template["Resources"][logical_id(name)].get("Condition"))
        )
        return [Role(self, function) for function in there]

    def resource(self, name):
        return self.resolve(self.template["Resources"][name]["Properties"])

    def named(self, value):
        """The logical id in a sample ARN or name."""
        return re.fullmatch(r"(?:arn:aws:[a-z]+:[a-z0-9-]*:\d+:(?:role/|log-group:))?(\w+)(?::\*)?", value)[1]

    def roles_of_nobody(self):
        """The logical ids of roles that no function has."""
        ours = {self.named(self.resource(logical_id(function))["Role"]) for function in functions()}
        return resources(self.template, "AWS::IAM::Role").keys() - ours

    def resolve(self, value):
        """The value without intrinsic functions. Fails on one that no policy needed so far."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument) = next(iter(value.items()))
            if function == "Ref":
                return self.ref(argument)
            if function == "Fn::If":
                return self.resolve(argument[1 if self.condition(argument[0]) else 2])
            if function == "Fn::GetAtt":
                return self.attribute(*(argument.split(".") if isinstance(argument, str) else argument))
            if function == "Fn::Sub" and isinstance(argument, str):
                return re.sub(r"\$\{([\w:.]+)\}", lambda name: self.substitute(name[1]), argument)
            if function.startswith("Fn::"):
                return value
        resolved = {name: self.resolve(member) for name, member in value.items()}
        return {name: member for name, member in resolved.items() if member is not None}

    def ref(self, name):
        if name in PSEUDO or name in self.parameters:
            return PSEUDO[name] if name in PSEUDO else self.parameters[name]
        kind = self.kind(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        return secret(name) if kind == "AWS::SecretsManager::Secret" else name

    def kind(self, name):
        """The type of a resource, which a policy may only name if its condition holds."""
        resource = self.template["Resources"][name]
        if not self.condition(resource.get("Condition")):
            sys.exit(f"template.yaml: a function or its role names {name}, which is not there with {self.parameters}")
        return resource["Type"]

    def substitute(self, name):
        return str(self.attribute(*name.split(".")) if "." in name else self.ref(name))

    def attribute(self, name, attribute):
        kind = self.kind(name)
        arns = {"AWS::DynamoDB::Table": table, "AWS::Logs::LogGroup": log_group, "AWS::SQS::Queue": queue}
        if kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{ACCOUNT}:role/{name}"
        return arns[kind](name) if attribute == "Arn" and kind in arns else {"Fn::GetAtt": [name, attribute]}

    def condition(self, name):
        return name is None or self.holds(self.template["Conditions"][name])

    def holds(self, condition):
        ((function, argument),) = condition.items()
        if function == "Fn::Equals":
            one, other = map(self.resolve, argument)
            return one == other
        if function == "Condition":
            return self.condition(argument)
        holds = [self.holds(each) for each in argument]
        return {"Fn::And": all, "Fn::Or": any, "Fn::Not": lambda each: not each[0]}[function](holds)
