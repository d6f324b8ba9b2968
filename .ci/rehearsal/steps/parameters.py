"""Every parameter of the template is used, and every variable that it sets is read."""

import json
import re

from lib.http_client import expect
from lib.template import resources, source


def every_parameter_is_used(stack):
    """Each parameter is part of a resource, or of a condition that a resource has."""
    template = source()
    used, conditions = references({name: template.get(name, {}) for name in ("Globals", "Resources", "Outputs")})
    pending = conditions
    while pending:
        more, nested = references([template["Conditions"][name] for name in pending])
        used, pending = used | more, nested - conditions
        conditions = conditions | nested
    expect(sorted(template["Parameters"].keys() - used), [], "parameters that nothing uses")
    expect(sorted(template.get("Conditions", {}).keys() - conditions), [], "conditions that nothing has")


def every_variable_is_read(stack):
    """Each running function has the variables of the template, and its binary reads those that not every function has."""
    functions = resources(stack.template, "AWS::Lambda::Function")
    variables = {name: function["Properties"]["Environment"]["Variables"] for name, function in functions.items()}
    readers = {}
    for name, expected in variables.items():
        there = stack.client("lambda").get_function_configuration(FunctionName=stack.ids[name])["Environment"]
        expect(there["Variables"].keys(), expected.keys(), f"the variables of {name}")
        for key, value in expected.items():
            if isinstance(value, dict) and value.get("Ref") in stack.template["Parameters"]:
                expect(there["Variables"][key], str(stack.resolved(value)), f"{key} of {name}")
        binary = stack.binary(name).read_bytes()
        readers[name] = {key for key in expected if key.encode() in binary}
    of_every_function = set.intersection(*(set(of) for of in variables.values()))
    unread = of_every_function - set.union(*readers.values())
    for name, expected in variables.items():
        unread |= {f"{key} of {name}" for key in expected.keys() - of_every_function - readers[name]}
    expect(sorted(unread), [], "variables that no function reads")


def references(node):
    """The names in each Ref and Fn::Sub below a node, and the conditions in each Fn::If, Condition and Fn::And."""
    names, conditions = set(), set()
    if isinstance(node, dict):
        if isinstance(node.get("Ref"), str):
            names.add(node["Ref"])
        if "Fn::Sub" in node:
            names |= set(re.findall(r"\$\{([A-Za-z0-9]+)\}", json.dumps(node["Fn::Sub"])))
        if "Fn::If" in node:
            conditions.add(node["Fn::If"][0])
        if isinstance(node.get("Condition"), str):
            conditions.add(node["Condition"])
        node = [*node.values()]
    if isinstance(node, list):
        for child in node:
            more, nested = references(child)
            names, conditions = names | more, conditions | nested
    return names, conditions


STEPS = [every_parameter_is_used, every_variable_is_read]
