"""Where the emulator differs from AWS, and what the rehearsal does about it. `run` prints each reason.

A mend never touches what is tested: it gives the stack what CloudFormation would have made of the same template.
"""

import string

from lib.template import resources, routes

TEMPLATE_MENDS, OTHER_REGION_MENDS, STACK_MENDS = [], [], []

# What other modules of the rehearsal do about the emulator.
ELSEWHERE = [
    "no resolver knows the name of an API's host: the path of each request carries the API's id",
    "an alarm looks at its metric and not at the dimensions: alarms of one metric are set off one after the other",
    "Lambda reads a queue without the rights of the function's role",
    "a replaced environment is killed in the middle of a request: the rotation of keys sends none at that moment",
]


def mend(of, reason):
    """Adds a function to a list of mends, with the reason for it."""

    def add(function):
        function.reason = reason
        of.append(function)
        return function

    return add


def reasons():
    return [function.reason for function in TEMPLATE_MENDS + OTHER_REGION_MENDS + STACK_MENDS] + ELSEWHERE


@mend(TEMPLATE_MENDS, "Ref of a secret gives its name, and on AWS its ARN: Fn::GetAtt Id in its place")
def ref_of_secret(template):
    secrets = resources(template, "AWS::SecretsManager::Secret")

    def walk(node):
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and node.get("Ref") in secrets:
            return {"Fn::GetAtt": [node["Ref"], "Id"]}
        return {name: walk(item) for name, item in node.items()}

    template.update(walk(template))


@mend(TEMPLATE_MENDS, "GenerateSecretString ignores ExcludePunctuation: ExcludeCharacters says the same")
def generated_secret(template):
    for secret in resources(template, "AWS::SecretsManager::Secret").values():
        generate = secret["Properties"].get("GenerateSecretString", {})
        if generate.pop("ExcludePunctuation", False):
            generate["ExcludeCharacters"] = string.punctuation


@mend(TEMPLATE_MENDS, "dynamodb:LeadingKeys and Attributes are unknown, and would deny every call: they are left out")
def dynamodb_conditions(template):
    for policies in json_policies(template):
        for statement in policies["Statement"]:
            condition = statement.get("Condition", {})
            for operator in [*condition]:
                for key in ["dynamodb:LeadingKeys", "dynamodb:Attributes"]:
                    condition[operator].pop(key, None)
                if not condition[operator]:
                    del condition[operator]


@mend(
    TEMPLATE_MENDS,
    "ses:SendEmail is asked for *, and ses:FromAddress is unknown: allowed for every identity and sender",
)
def sender_of_mail(template):
    def walk(node):
        if isinstance(node, dict) and node.get("Action") == "ses:SendEmail":
            node["Resource"] = "*"
            node.pop("Condition", None)
        elif isinstance(node, (dict, list)):
            for child in node.values() if isinstance(node, dict) else node:
                walk(child)

    for policy in json_policies(template):
        walk(policy["Statement"])


@mend(TEMPLATE_MENDS, "composite alarms, budgets, saved queries and CodeDeploy are unknown: left out of the template")
def unknown_types(template):
    unknown = {name: resource for name, resource in template["Resources"].items() if resource["Type"] in UNKNOWN}
    for name in unknown:
        del template["Resources"][name]
    template["Metadata"]["Unknown"] = unknown
    for alias in resources(template, "AWS::Lambda::Alias").values():
        alias.pop("UpdatePolicy", None)


UNKNOWN = ["AWS::CloudWatch::CompositeAlarm", "AWS::Budgets::Budget", "AWS::Logs::QueryDefinition"]
UNKNOWN += ["AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"]


@mend(STACK_MENDS, "the composite alarms and the budget are made by API calls, from what the template says")
def composite_alarms_and_budget(stack):
    unknown = stack.template["Metadata"]["Unknown"].items()
    if stack.parameters.get("AlarmEmail"):
        for name, alarm in unknown:
            if alarm["Type"] == "AWS::CloudWatch::CompositeAlarm":
                properties = stack.resolved(
                    alarm["Properties"] | {"AlarmRule": alarm["Properties"]["AlarmRule"]["Fn::Sub"]}
                )
                for part, physical in stack.ids.items():
                    properties["AlarmRule"] = properties["AlarmRule"].replace(f"${{{part}}}", physical)
                stack.client("cloudwatch").put_composite_alarm(AlarmName=f"{stack.name}-{name}", **properties)
    if int(stack.parameters.get("MonthlyBudget", 0)):
        for _, budget in unknown:
            if budget["Type"] == "AWS::Budgets::Budget":
                properties = stack.resolved(budget["Properties"])
                properties["Budget"]["BudgetName"] = f"{stack.name}-budget"
                properties["Budget"]["BudgetLimit"]["Amount"] = str(properties["Budget"]["BudgetLimit"]["Amount"])
                stack.client("budgets").create_budget(AccountId="000000000000", **properties)


@mend(STACK_MENDS, "the reserved concurrency of a function is ignored: set by API calls, to what the template says")
def reserved_concurrency(stack):
    functions = stack.client("lambda")
    for name, function in resources(stack.template, "AWS::Lambda::Function").items():
        # The mailer is there only if a parameter asks for it.
        if name not in stack.ids:
            continue
        _, reserved, _ = function["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
        if int(stack.parameters.get("ReservedConcurrency", 0)):
            number = int(stack.resolved(reserved))
            functions.put_function_concurrency(FunctionName=stack.ids[name], ReservedConcurrentExecutions=number)
        else:
            functions.delete_function_concurrency(FunctionName=stack.ids[name])


def delete_composite_alarms(stack):
    """CloudFormation deletes a composite alarm before its parts."""
    alarms = stack.client("cloudwatch")
    described = alarms.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    alarms.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in described])


@mend(OTHER_REGION_MENDS, "roles have the same names in each Region, although IAM knows no Regions: named by Region")
def names_of_roles(template):
    for kind, name in [("AWS::IAM::Role", "RoleName"), ("AWS::IAM::ManagedPolicy", "ManagedPolicyName")]:
        for logical, resource in resources(template, kind).items():
            resource["Properties"][name] = {"Fn::Sub": "${AWS::StackName}-" + logical + "-${AWS::Region}"}


def json_policies(template):
    for policy in resources(template, "AWS::IAM::ManagedPolicy").values():
        yield policy["Properties"]["PolicyDocument"]
    for role in resources(template, "AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            yield policy["PolicyDocument"]


@mend(STACK_MENDS, "an API's Body is not imported: its routes and CORS are made from the same Body by API calls")
def routes_of_body(stack):
    api, apis, functions = stack.ids["Api"], stack.client("apigatewayv2"), stack.client("lambda")
    integrations = {item["IntegrationUri"]: item["IntegrationId"] for item in apis.get_integrations(ApiId=api)["Items"]}
    there = {route["RouteKey"]: route for route in apis.get_routes(ApiId=api)["Items"]}
    for method, path, function in routes(stack.template):
        arn = functions.get_function_configuration(FunctionName=stack.ids[function])["FunctionArn"]
        if arn not in integrations:
            integrations[arn] = apis.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
            )["IntegrationId"]
        target = f"integrations/{integrations[arn]}"
        route = there.pop(f"{method} {path}", None)
        if not route:
            apis.create_route(ApiId=api, RouteKey=f"{method} {path}", Target=target)
        elif route["Target"] != target:
            apis.update_route(ApiId=api, RouteId=route["RouteId"], Target=target)
    for route in there.values():
        apis.delete_route(ApiId=api, RouteId=route["RouteId"])
    cors = stack.resolved(stack.template["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"])
    apis.update_api(ApiId=api, CorsConfiguration={name[0].upper() + name[1:]: value for name, value in cors.items()})


@mend(STACK_MENDS, "a table's TTL and point-in-time recovery stay off: switched on as the template says")
def time_to_live(stack):
    tables = stack.client("dynamodb")
    for name, table in resources(stack.template, "AWS::DynamoDB::Table").items():
        # A table that the stack did not create stays as it is.
        if name not in stack.ids:
            continue
        properties, physical = table["Properties"], stack.ids[name]
        ttl = properties["TimeToLiveSpecification"]
        if tables.describe_time_to_live(TableName=physical)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
            tables.update_time_to_live(TableName=physical, TimeToLiveSpecification=ttl)
        recovery = properties["PointInTimeRecoverySpecification"]
        tables.update_continuous_backups(TableName=physical, PointInTimeRecoverySpecification=recovery)


@mend(STACK_MENDS, "a stage of CloudFormation hides its throttle: set once more by API Gateway's API, which shows it")
def stage_settings(stack):
    for stage in resources(stack.template, "AWS::ApiGatewayV2::Stage").values():
        properties = stage["Properties"]
        settings = {name: float(value) for name, value in stack.resolved(properties["DefaultRouteSettings"]).items()}
        settings["ThrottlingBurstLimit"] = int(settings["ThrottlingBurstLimit"])
        stack.client("apigatewayv2").update_stage(
            ApiId=stack.ids["Api"], StageName=properties["StageName"], DefaultRouteSettings=settings
        )
