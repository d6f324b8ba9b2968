"""The edge: its stack is created, and the API is closed to everybody else, in the order of docs/edge.md.

The emulator's CloudFront sends nothing to an API. So the stack is created and read back, and the requests of the edge are
sent to the API as CloudFront would send them.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.request

from lib.http_client import Unexpected, expect
from lib.workspace import ROOT
from rehearsal.emulator import REGION
from rehearsal.steps.users import PASSWORD

EDGE, VIEWER, USER = "postern-edge", "203.0.113.7", "edgar"
HEADER, VIEWER_ADDRESS = "x-postern-edge", "cloudfront-viewer-address"


def edge_is_created(stack):
    """CloudFormation creates the stack of edge.yaml, with its secret, limits and headers, and deletes it."""
    stacks = stack.client("cloudformation")
    secret = os.urandom(32).hex()
    domain = f"{stack.ids['Api']}.execute-api.{REGION}.amazonaws.com"
    parameters = {"ApiDomain": domain, "OriginSecret": secret, "RequestsPerAddress": "500"}
    stacks.create_stack(
        StackName=EDGE,
        TemplateBody=(ROOT / "edge.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    created = settled(stack)
    if not created or created["StackStatus"] != "CREATE_COMPLETE":
        events = stacks.describe_stack_events(StackName=EDGE)["StackEvents"]
        raise Unexpected([event for event in events if event["ResourceStatus"].endswith("FAILED")] or created)
    made = stacks.describe_stack_resources(StackName=EDGE)["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in made}
    cloudfront = stack.client("cloudfront")
    config = cloudfront.get_distribution(Id=ids["Distribution"])["Distribution"]["DistributionConfig"]
    (origin,) = config["Origins"]["Items"]
    (header,) = origin["CustomHeaders"]["Items"]
    expect(origin["DomainName"], domain, "the origin")
    expect(header, {"HeaderName": HEADER, "HeaderValue": secret}, "the header of the secret")
    behavior = config["DefaultCacheBehavior"]
    expect(behavior["ViewerProtocolPolicy"], "https-only", "the viewer's protocol")
    policy = cloudfront.get_origin_request_policy(Id=behavior["OriginRequestPolicyId"])["OriginRequestPolicy"]
    forwarded = policy["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]["Items"]
    expect("CloudFront-Viewer-Address" in forwarded, True, f"the forwarded headers: {forwarded}")
    policy = cloudfront.get_cache_policy(Id=behavior["CachePolicyId"])["CachePolicy"]["CachePolicyConfig"]
    expect((policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]), (0, 0, 1), "how long replies are kept")
    firewall = stack.client("wafv2")
    (found,) = firewall.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    expect(config["WebACLId"], found["ARN"], "the web ACL of the distribution")
    acl = firewall.get_web_acl(Scope="CLOUDFRONT", Name=found["Name"], Id=found["Id"])["WebACL"]
    names = ["requests-per-address", "address-reputation", "known-bad-inputs"]
    expect([rule["Name"] for rule in sorted(acl["Rules"], key=lambda rule: rule["Priority"])], names, "rules")
    # The emulator keeps a parameter as text where CloudFormation makes it a number.
    expect(int(acl["Rules"][0]["Statement"]["RateBasedStatement"]["Limit"]), 500, "requests per address")
    outputs = created["Outputs"]
    expect([output for output in outputs if not output["OutputValue"]], [], "outputs without a value")
    stacks.delete_stack(StackName=EDGE)
    expect(settled(stack), None, "the edge's stack after its deletion")


def edge_is_put_in_front(stack):
    """The API is closed except to the edge, the secret is replaced and the edge is taken away, while a user signs in."""
    old, new = (os.urandom(32).hex() for _ in range(2))
    optional, required = {"EdgeOptional": "true"}, {"EdgeOptional": "false"}
    both = f"{digest(old)},{digest(new)}"
    direct = {}
    stack.postern("user", "add", USER, "--email", f"{USER}@example.com", "--password-stdin", stdin=PASSWORD)
    # The parameters, and the statuses of requests without a secret, with the old one and with the new one.
    steps = [
        ({"EdgeSecretHashes": digest(old), **optional}, (200, 200, 200)),
        (required, (403, 200, 403)),
        ({"EdgeSecretHashes": both}, (403, 200, 200)),
        ({"EdgeSecretHashes": digest(new)}, (403, 403, 200)),
        (optional, (200, 200, 200)),
        ({"EdgeSecretHashes": "", **required}, (200, 200, 200)),
    ]
    for number, (parameters, expected) in enumerate(steps):
        stack.update(**parameters)
        statuses = tuple(sign_in(stack, headers)[0] for headers in (direct, edge(old, VIEWER), edge(new, VIEWER)))
        expect(statuses, expected, f"no secret, the old and the new one, with {parameters}")
        if number == 1:
            expect(sign_in(stack, direct)[1], {"message": "Forbidden"}, "a request that did not come through the edge")
            expect(sign_in(stack, edge(old, ""))[0], 403, "a request of the edge without an address")
            before = failures(stack)
            expect(sign_in(stack, edge(old, VIEWER), "wrong")[0], 401, "a wrong password through the edge")
            expect(failures(stack) - before, 1, f"failures that are counted from {VIEWER}")
            expect(sign_in(stack, edge(new, VIEWER), "wrong")[0], 403, "a wrong password with a wrong secret")
            expect(failures(stack) - before, 1, f"failures that are counted from {VIEWER}")


def edge(secret, address):
    """The headers that CloudFront adds."""
    return {HEADER: secret, VIEWER_ADDRESS: f"{address}:46532"}


def sign_in(stack, headers, password=PASSWORD):
    """Signs the user in at the account contract. Returns status and body."""
    body = json.dumps({"username": USER, "password": password}).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{stack.url}/api/v2/account/signin", body, headers)
    try:
        reply = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, json.loads(reply.read())


def failures(stack):
    """The failures that are counted from the viewer's address, over all windows."""
    items = stack.client("dynamodb").scan(
        TableName=stack.outputs["TableName"],
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :address)",
        ExpressionAttributeValues={":address": {"S": f"ADDRESS#{VIEWER}#"}},
    )["Items"]
    return sum(int(item["failures"]["N"]) for item in items)


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


def settled(stack):
    """Waits until no operation on the edge's stack is in progress. Returns the stack, or nothing if there is none."""
    stacks = stack.client("cloudformation")
    for _ in range(300):
        try:
            (found,) = stacks.describe_stacks(StackName=EDGE)["Stacks"]
        except stacks.exceptions.ClientError:
            return None
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return None if found["StackStatus"] == "DELETE_COMPLETE" else found
        time.sleep(0.2)
    raise Unexpected("the edge's stack is still in progress after a minute")


STEPS = [edge_is_created, edge_is_put_in_front]
