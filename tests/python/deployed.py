"""The deployed stack as its tests cannot see it with the clients they have. Prints JSON.

    deployed.py template            the template after SAM's transform, as CloudFormation carries it out
    deployed.py assume FUNCTION     credentials of a role with the policies of a function's role, and its name
    deployed.py forget ROLE         deletes that role
    deployed.py logs FUNCTION       the function's log lines of the last ten minutes (no JSON)
"""

import json
import os
import sys
import time
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


if __name__ == "__main__":
    sys.exit(main())
