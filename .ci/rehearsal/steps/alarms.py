"""What is optional is deployed, each alarm is set off once, and all of it is taken away again."""

import itertools
import json
import time

from botocore.exceptions import ClientError

from clients.contracts import CLIENTS
from lib.http_client import expect
from lib.template import gradual_deployment, resources
from rehearsal.mends import delete_composite_alarms
from rehearsal.steps.users import PASSWORD

EMAIL, CONCURRENCY = "operator@example.com", 5
# The mailer works on two events at once, whatever the others may do.
CONCURRENCY_OF = {"MailerFunction": 2}
OPTIONS = {
    "AlarmEmail": EMAIL,
    "Dashboard": "true",
    "MonthlyBudget": 10,
    "ReservedConcurrency": CONCURRENCY,
    "Tracing": "Active",
    # The first failure locks a name.
    "ThrottleLockAfter": 1,
}
CONTRADICTIONS = {
    "BudgetNeedsAnAddress": {"MonthlyBudget": 10},
    "AlarmsNeedAuditEvents": {"AlarmEmail": EMAIL, "LogLevel": "WARN"},
    "MailNeedsALink": {"MailFrom": EMAIL, "AccountResetUrl": ""},
    "SmtpNeedsAServer": {"MailTransport": "smtp"},
}
# The lines of the first two take half a minute or more to come about, the emulator writes no access log, and the clients
# reset no password. tests/tests/suite/guarantees/alarms.rs has all four.
LATER = ["keys_unread", "sessions_reused", "api_throttled", "resets_requested"]
# How long the data of an alarm counts, in seconds.
MOMENT = 2


def contradictions_are_refused(stack):
    """CloudFormation refuses parameters that contradict each other, in the words of the template, and changes nothing."""
    for name, contradiction in CONTRADICTIONS.items():
        (assertion,) = stack.template["Rules"][name]["Assertions"]
        try:
            stack.ask("update_stack", stack.parameters | contradiction)
            answer = "it was accepted"
        except ClientError as error:
            answer = str(error)
        expect(assertion["AssertDescription"] in answer, True, f"{contradiction}: {answer}")


def options_are_deployed(stack):
    """Alarms, a dashboard, a budget, reserved concurrency, traces and gradual deployment: the stack is updated with them."""
    stack.before = stack.parameters, stack.ids
    parameters = stack.parameters | OPTIONS
    stack.deploy("update_stack", "UPDATE_COMPLETE", parameters, more=gradual_deployment())
    functions = stack.client("lambda")
    for name, resource in resources(stack.template, "AWS::Lambda::Function").items():
        function = stack.ids[name]
        configuration = functions.get_function_configuration(FunctionName=function)
        expect(configuration["TracingConfig"], {"Mode": "Active"}, f"{name}: tracing")
        reserved = functions.get_function_concurrency(FunctionName=function)
        _, number, _ = resource["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
        expect(reserved.get("ReservedConcurrentExecutions"), stack.resolved(number), f"{name}: reserved concurrency")
        alias = functions.get_alias(FunctionName=function, Name="live")
        expect(alias["FunctionVersion"].isdigit(), True, f"{name}: the version of the alias: {alias}")
    (topic,) = stack.client("sns").list_subscriptions_by_topic(TopicArn=stack.ids["AlarmTopic"])["Subscriptions"]
    expect((topic["Protocol"], topic["Endpoint"]), ("email", EMAIL), "the subscription")
    dashboard = stack.client("cloudwatch").get_dashboard(DashboardName=stack.ids["Overview"])
    shown = json.dumps(json.loads(dashboard["DashboardBody"]))
    expect("${" in shown, False, f"variables without a value on the dashboard: {shown}")


def each_alarm_is_set_off(stack):
    """Each alarm is quiet, begins with the data of its metric, and is over with the next data; so is the composite alarm."""
    written = metrics_of_log_lines(stack)
    metric_alarms, (composite,) = alarms(stack)
    expected = resources(stack.template, "AWS::CloudWatch::Alarm")
    expect(sorted(metric_alarms), sorted(stack.ids[name] for name in expected), "alarms")
    by_metric = {}
    for alarm in metric_alarms.values():
        metric = (alarm["Namespace"], alarm["MetricName"])
        if metric[0].startswith("Postern/") and metric[1] not in LATER:
            expect(
                (metric in written, alarm["Dimensions"]), (True, []), f"{metric}, and what log lines make: {written}"
            )
        by_metric.setdefault(metric, []).append(alarm)
    # Alarms of one metric have their turns.
    composite_states = []
    for turn in itertools.zip_longest(*by_metric.values()):
        turn = [alarm for alarm in turn if alarm]
        states = {name: alarms(stack)[0][name]["StateValue"] for name in (alarm["AlarmName"] for alarm in turn)}
        expect([name for name, state in states.items() if state == "ALARM"], [], "alarms before anything happened")
        for alarm in turn:
            put(stack, alarm, breaching(alarm), time.time() - alarm["Period"] * alarm["EvaluationPeriods"] + MOMENT)
        expect_states(stack, turn, "ALARM")
        composite_states.append(alarms(stack)[1][0]["StateValue"])
        time.sleep(MOMENT + 0.5)
        for alarm in turn:
            put(stack, alarm, quiet(alarm), time.time())
        expect_states(stack, turn, "OK")
        composite_states.append(alarms(stack)[1][0]["StateValue"])
    expect(
        composite_states[:2], ["ALARM", "OK"], f"{composite['AlarmName']} while its parts are alarms, and after that"
    )
    for alarm in metric_alarms.values():
        silent = alarm["AlarmName"] == stack.ids["NoSigninsAlarm"]
        expect(alarm["AlarmActions"], [] if silent else [stack.ids["AlarmTopic"]], f"{alarm['AlarmName']}: actions")


def options_are_taken_away(stack):
    """Without the parameters and the lines, the stack is what it was."""
    delete_composite_alarms(stack)
    parameters, ids = stack.before
    stack.deploy("update_stack", "UPDATE_COMPLETE", parameters)
    expect(alarms(stack), ({}, []), "alarms")
    expect(sorted(stack.ids), sorted(ids), "resources")
    # A permission is replaced with the alias that it is for.
    permissions = resources(stack.template, "AWS::Lambda::Permission")
    replaced = [name for name, physical in stack.ids.items() if physical != ids[name] and name not in permissions]
    expect(replaced, [], "resources that were replaced")


def alarms(stack):
    """The alarms of metrics, by their names, and the composite alarms."""
    kinds = ["MetricAlarm", "CompositeAlarm"]
    described = stack.client("cloudwatch").describe_alarms(AlarmTypes=kinds, MaxRecords=100)
    return {alarm["AlarmName"]: alarm for alarm in described["MetricAlarms"]}, described.get("CompositeAlarms", [])


def put(stack, alarm, value, at):
    datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": value, "Timestamp": at}
    stack.client("cloudwatch").put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])


def breaching(alarm):
    return alarm["Threshold"] + (1 if alarm["ComparisonOperator"].startswith("Greater") else -1)


def quiet(alarm):
    return 0 if alarm["ComparisonOperator"].startswith("Greater") else alarm["Threshold"]


def expect_states(stack, of, state):
    now = alarms(stack)[0]
    others = {alarm["AlarmName"]: now[alarm["AlarmName"]]["StateReason"] for alarm in of}
    others = {name: reason for name, reason in others.items() if now[name]["StateValue"] != state}
    expect(others, {}, f"alarms that are not {state}")


def metrics_of_log_lines(stack):
    """A sign-in, a failure and a locked name at each contract. Returns the metrics that the filters make of their lines."""
    stack.postern("user", "unlock", "ann")
    for client in CLIENTS.values():
        client(stack.url, "ann").sign_in(PASSWORD)
        client(stack.url, f"nobody-{client.name}").send_password("wrong")
    logs = stack.client("logs")
    written = set()
    for group in resources(stack.template, "AWS::Logs::LogGroup"):
        lines = []
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=stack.ids[group]):
            lines += [json_of(event["message"]) for event in page["events"]]
        for found in logs.describe_metric_filters(logGroupName=stack.ids[group])["metricFilters"]:
            if any(counts(found["filterPattern"], line) for line in lines):
                metric = found["metricTransformations"][0]
                written.add((metric["metricNamespace"], metric["metricName"]))
    return written


def json_of(message):
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def counts(pattern, line):
    """Whether CloudWatch counts a line: a pattern of `$.field = "text"` and `$.field IS TRUE`, joined by && and ||."""

    def holds(term):
        field, _, value = term.strip().strip("{} ()").removeprefix("$.").partition(" ")
        return line.get(field) is True if value == "IS TRUE" else line.get(field) == value.removeprefix("= ").strip('"')

    return any(all(holds(term) for term in terms.split("&&")) for terms in pattern.split("||"))


STEPS = [contradictions_are_refused, options_are_deployed, each_alarm_is_set_off, options_are_taken_away]
