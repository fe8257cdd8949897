"""What template.yaml deploys, as far as it costs something while nothing happens, or limits how much can happen.

The template is read with the defaults of its parameters, or with those given; its conditions are followed.
"""

import functools
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

try:
    import yaml
except ImportError:
    sys.exit("PyYAML is needed to read template.yaml: use `make cost`, or `pip install pyyaml`")

ROOT = Path(__file__).resolve().parents[2]
DAYS_A_MONTH = 30
UNITS = {"minute": 1 / (24 * 60), "hour": 1 / 24, "day": 1}
NO_VALUE = "AWS::NoValue"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads CloudFormation's short forms: `!Ref A` becomes `{"Ref": "A"}`."""


def _short_form(loader: yaml.Loader, name: str, node: yaml.Node) -> dict:
    if isinstance(node, yaml.ScalarNode):
        return {name: node.value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Function:
    """A function as it is deployed."""

    name: str
    memory: int
    timeout: int
    is_traced: bool
    # Batches that its queue gives it at once; none where nothing limits them but the account.
    most_at_once: int | None = None
    # Kind of the queue that Lambda polls for it: "standard", "fifo", or none.
    queue: str | None = None
    window_seconds: int = 0


@dataclass(frozen=True)
class Schedule:
    """A clock that starts a function."""

    name: str
    function: str
    ticks_a_month: float


@dataclass
class Stack:
    """What is deployed."""

    parameters: dict[str, str]
    architecture: str
    functions: dict[str, Function] = field(default_factory=dict)
    schedules: list[Schedule] = field(default_factory=list)
    alarm_metrics: int = 0
    composite_alarms: int = 0
    keys: int = 0
    secrets: int = 0
    queues: int = 0
    tables: int = 0
    # Tables whose key is one in the account, so that its use is billed.
    tables_with_billed_key: int = 0
    log_groups: int = 0

    def number(self, parameter: str) -> float:
        """The value of a parameter that is a number."""
        return float(self.parameters[parameter])

    def polled(self, kind: str) -> int:
        """How many queues of a kind Lambda polls."""
        return sum(function.queue == kind for function in self.functions.values())


class _Resolver:
    """Values of the template, with its parameters, conditions and mappings followed."""

    def __init__(self, document: dict, given: dict[str, str]):
        defaults = {name: str(definition.get("Default", "")) for name, definition in document["Parameters"].items()}
        unknown = sorted(set(given) - set(defaults))
        if unknown:
            sys.exit(f"template.yaml has no parameter {', '.join(unknown)}")
        self.parameters = {**defaults, **given}
        self.conditions = document.get("Conditions", {})
        self.mappings = document.get("Mappings", {})

    def holds(self, condition: object) -> bool:
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        (operator, operands), = condition.items()
        if operator in ("Condition", "Ref"):
            return self.holds(operands)
        if operator in ("Not", "Fn::Not"):
            return not self.holds(operands[0])
        if operator in ("And", "Fn::And"):
            return all(self.holds(operand) for operand in operands)
        if operator in ("Or", "Fn::Or"):
            return any(self.holds(operand) for operand in operands)
        one, other = (self.value(operand) for operand in operands)
        return str(one) == str(other)

    def value(self, given: object) -> object:
        if isinstance(given, dict) and len(given) == 1:
            (operator, operand), = given.items()
            if operator == "Ref":
                return None if operand == NO_VALUE else self.parameters.get(operand, operand)
            if operator in ("If", "Fn::If"):
                return self.value(operand[1] if self.holds(operand[0]) else operand[2])
            if operator in ("FindInMap", "Fn::FindInMap"):
                name, first, second = (self.value(key) for key in operand)
                return self.mappings[name][first][second]
            if operator in ("Sub", "Fn::Sub"):
                return operand
            if operator in ("GetAtt", "Fn::GetAtt"):
                return operand.split(".")[0] if isinstance(operand, str) else operand[0]
        return given


@functools.cache
def _document(path: Path) -> dict:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def read(parameters: dict[str, str] | None = None, path: Path = ROOT / "template.yaml") -> Stack:
    """Reads the template, with parameters other than their defaults where some are given."""
    document = _document(path)
    resolver = _Resolver(document, parameters or {})
    stack = Stack(resolver.parameters, resolver.parameters.get("Architecture", "x86_64"))
    resources = {}
    for name, resource in document["Resources"].items():
        if "Condition" not in resource or resolver.holds(resource["Condition"]):
            resources[name] = resource
    globals_of_functions = document.get("Globals", {}).get("Function", {})
    for resource in resources.values():
        _count(stack, resource["Type"], resource.get("Properties", {}), resolver)
        if resource["Type"] == "AWS::Serverless::Function":
            _add_function(stack, {**globals_of_functions, **resource["Properties"]}, resources, resolver)
    if resolver.parameters.get("EncryptionKeyArn"):
        # A key of the deployer's own, used by everything here.
        stack.keys += 1
    return stack


def _count(stack: Stack, kind: str, properties: dict, resolver: _Resolver) -> None:
    if kind == "AWS::CloudWatch::Alarm":
        # An alarm on an expression is billed for each metric that it looks at.
        stack.alarm_metrics += sum("MetricStat" in metric for metric in properties.get("Metrics", [])) or 1
    elif kind == "AWS::CloudWatch::CompositeAlarm":
        stack.composite_alarms += 1
    elif kind == "AWS::KMS::Key":
        stack.keys += 1
    elif kind == "AWS::SecretsManager::Secret":
        stack.secrets += 1
    elif kind == "AWS::SQS::Queue":
        stack.queues += 1
    elif kind == "AWS::Logs::LogGroup":
        stack.log_groups += 1
    elif kind == "AWS::DynamoDB::Table":
        stack.tables += 1
        encryption = properties.get("SSESpecification", {})
        stack.tables_with_billed_key += resolver.value(encryption.get("SSEType")) == "KMS"


def _add_function(stack: Stack, properties: dict, resources: dict, resolver: _Resolver) -> None:
    name = str(resolver.value(properties["FunctionName"])).removeprefix("${NamePrefix}-")
    source: dict = {}
    for label, event in (properties.get("Events") or {}).items():
        given = event["Properties"]
        if event["Type"] == "SQS":
            queue = resources[resolver.value(given["Queue"])]["Properties"]
            most = resolver.value(given.get("ScalingConfig", {}).get("MaximumConcurrency"))
            source = {
                "queue": "fifo" if queue.get("FifoQueue") else "standard",
                "most_at_once": int(most) if most else None,
                "window_seconds": int(resolver.value(given.get("MaximumBatchingWindowInSeconds", 0))),
            }
        elif event["Type"] in ("Schedule", "ScheduleV2") and resolver.value(given.get("State", "ENABLED")) == "ENABLED":
            expression = str(resolver.value(given["ScheduleExpression"]))
            stack.schedules.append(Schedule(f"{name} {label}".lower(), name, ticks_a_month(expression)))
    memory, timeout = (int(resolver.value(properties[key])) for key in ("MemorySize", "Timeout"))
    stack.functions[name] = Function(name, memory, timeout, properties.get("Tracing") == "Active", **source)


def ticks_a_month(expression: str) -> float:
    """How often a rate or a cron expression of EventBridge Scheduler comes round in 30 days."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if rate:
        return round(DAYS_A_MONTH / (int(rate[1]) * UNITS[rate[2]]), 6)
    cron = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", expression)
    if not cron:
        raise ValueError(f"{expression} is neither a rate nor a cron expression")
    minutes, hours = _times(cron[1], 60), _times(cron[2], 24)
    if cron[3] not in ("*", "?"):
        days = len(cron[3].split(","))
    elif cron[5] not in ("*", "?"):
        days = DAYS_A_MONTH * len(cron[5].split(",")) / 7
    else:
        days = DAYS_A_MONTH
    return minutes * hours * days


def _times(part: str, of: int) -> int:
    if part == "*":
        return of
    if "/" in part:
        return -(-of // int(part.split("/")[1]))
    return len(part.split(","))
