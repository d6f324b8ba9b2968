"""The CloudFormation that SAM makes of a template, and what can be read from it."""

import json
import logging
import os
import re

from lib.workspace import ROOT

BUCKET = "code"


def source(root=ROOT):
    """template.yaml as it is written, with its short forms (`!Ref`) as long ones."""
    from samtranslator.yaml_helper import yaml_parse

    return yaml_parse((root / "template.yaml").read_text())


def translate(parameters=(), root=ROOT, more=None):
    """Translates template.yaml, as `sam deploy` has it translated. The code of a function is `<binary>` in the bucket.

    `more` is added to what the template says of all functions.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.translator.transform import transform

    # It warns that nobody takes its metrics, and of what it could do.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    template = source(root)
    template["Globals"]["Function"].update(more or {})
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            binary = resource["Metadata"]["BuildProperties"]["Binary"]
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{binary}"
    translated = transform(template, dict(parameters), NoManagedPolicies())
    translated.pop("Transform", None)
    # Tuples and dates of YAML become what JSON has.
    return json.loads(json.dumps(translated, default=str))


def gradual_deployment():
    """The lines of docs/operating.md that make deployments gradual."""
    from samtranslator.yaml_helper import yaml_parse

    section = (ROOT / "docs/operating.md").read_text().split("\n## Gradual deployment\n")[1]
    return yaml_parse(section.split("```yaml\n")[1].split("```")[0])


class NoManagedPolicies:
    """SAM would look up AWS's managed policies by their names. The template names none."""

    def load(self):
        return {}


def resources(template, kind):
    """The resources of a type, by their logical ids."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def routes(template):
    """Each route of the API: method, path, and the logical id of the function that answers it."""
    (api,) = resources(template, "AWS::ApiGatewayV2::Api").values()
    for path, methods in api["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
            yield method.upper(), path, re.search(r"\$\{(\w+Function)(?:\.Arn|Alias\w+)\}", uri).group(1)
