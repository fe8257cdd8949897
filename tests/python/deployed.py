"""The deployed stack as its tests cannot see it with the clients they have. Prints JSON.

    deployed.py template            the template after SAM's transform, as CloudFormation carries it out
    deployed.py assume FUNCTION     credentials of a role with the policies of a function's role, and its name
    deployed.py forget ROLE         deletes that role
    deployed.py logs FUNCTION       the function's log lines of the last ten minutes (no JSON)
    deployed.py logs                those of all log groups, each behind the group's name
    deployed.py invoke FUNCTION PAYLOAD
                                    the function's answer
    deployed.py twin FUNCTION PAYLOAD NAME=VALUE...
                                    the answer of a copy of a function, with its role, that is told other things
"""

import json
import os
import sys
import time
import urllib.request
import uuid

import boto3


def main() -> int:
    match sys.argv[1:]:
        case ["template"]:
            print(json.dumps(template(), default=str))
        case ["assume", function]:
            print(json.dumps(assume(function)))
        case ["forget", name]:
            forget(name)
        case ["logs", function]:
            print_logs(f"/aws/lambda/{function}")
        case ["logs"]:
            for group in boto3.client("logs").get_paginator("describe_log_groups").paginate().search("logGroups[].logGroupName"):
                print(group)
                print_logs(group)
        case ["invoke", function, payload]:
            print(json.dumps(invoke(function, payload)))
        case ["twin", function, payload, *variables]:
            print(json.dumps(invoke_twin(function, payload, dict(variable.split("=", 1) for variable in variables))))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def template() -> dict:
    body = boto3.client("cloudformation").get_template(StackName=os.environ["STACK_NAME"], TemplateStage="Processed")["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else body


def assume(function: str) -> dict:
    """A function's own role trusts Lambda alone. A copy of it trusts this account: same policies, same answers."""
    role = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[-1]
    iam, sts = boto3.client("iam"), boto3.client("sts")
    account = sts.get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    name = f"test-{uuid.uuid4().hex}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    copy = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        statements = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(statements))
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    credentials = sts.assume_role(RoleArn=copy["Arn"], RoleSessionName="least-privilege")["Credentials"]
    return {"role": name, **{key: value for key, value in credentials.items() if isinstance(value, str)}}


def forget(name: str) -> None:
    iam = boto3.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def print_logs(group: str) -> None:
    since = int((time.time() - 600) * 1000)
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    for event in pages.search("events[]"):
        print(event["message"])


def invoke(function: str, payload: str) -> object:
    answer = boto3.client("lambda").invoke(FunctionName=function, Payload=payload.encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"{function} failed: {result}")
    return result


def invoke_twin(function: str, payload: str, variables: dict[str, str]) -> object:
    """Leaves the function as it was deployed: other tests use it at the same time."""
    functions = boto3.client("lambda")
    deployed = functions.get_function(FunctionName=function)
    configuration = deployed["Configuration"]
    with urllib.request.urlopen(deployed["Code"]["Location"]) as archive:
        code = archive.read()
    name = f"test-{uuid.uuid4().hex}"
    functions.create_function(
        FunctionName=name,
        Code={"ZipFile": code},
        Environment={"Variables": configuration["Environment"]["Variables"] | variables},
        **{key: configuration[key] for key in ("Role", "Runtime", "Handler", "Architectures", "MemorySize", "Timeout")},
    )
    try:
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return invoke(name, payload)
    finally:
        functions.delete_function(FunctionName=name)


if __name__ == "__main__":
    sys.exit(main())
