"""What a month costs in which nothing comes in."""

from dataclasses import dataclass

from prices import Prices
from template import DAYS_A_MONTH, Schedule, Stack

MINUTES_A_MONTH = DAYS_A_MONTH * 24 * 60
# The metrics that a tick of these clocks writes; a function's other ticks write others.
METRICS_OF_A_TICK = {"alert digest": {"ToldDigests", "HandlerDuration"}}
# Of a tick of watch: the datasets' states, what is open, what is remembered (functions/watch/src/watcher.rs).
WATCH_READ_UNITS = 5
# Of report with nothing to do: the turn is taken and given, in a transaction each (functions/report/src/turn.rs), and the marks read.
REFRESH_WRITE_UNITS, REFRESH_READ_UNITS = 4, 2


@dataclass(frozen=True)
class Item:
    """A line of the bill."""

    name: str
    dollars: float
    counted: str


def items(stack: Stack, prices: Prices, measured: dict[str, float], metrics: dict[str, set[str]]) -> list[Item]:
    """The lines of the month's bill."""
    return [
        *_standing(stack, prices),
        _metrics(stack, prices, metrics),
        _polling(stack, prices, measured),
        *_ticks(stack, prices, measured, metrics),
    ]


def total(found: list[Item]) -> float:
    """What they cost together."""
    return sum(item.dollars for item in found)


def _standing(stack: Stack, prices: Prices) -> list[Item]:
    found = [
        Item("CloudWatch alarms", prices.dollars("alarm_metrics", stack.alarm_metrics), f"{stack.alarm_metrics}"),
        Item("secrets", prices.dollars("secrets", stack.secrets), f"{stack.secrets}"),
    ]
    if stack.composite_alarms:
        dollars = prices.dollars("composite_alarms", stack.composite_alarms)
        found.append(Item("composite alarms", dollars, f"{stack.composite_alarms}"))
    if stack.keys:
        found.append(Item("KMS keys", prices.dollars("keys", stack.keys), f"{stack.keys}"))
    return found


def metrics_at_rest(stack: Stack, metrics: dict[str, set[str]]) -> float:
    """Custom metrics that have values while nothing happens; one with a value in one hour of a day counts as a 24th."""
    hours: dict[tuple[str, str], float] = {}
    for schedule in stack.schedules:
        of_a_day = min(24.0, schedule.ticks_a_month / DAYS_A_MONTH)
        for metric in METRICS_OF_A_TICK.get(schedule.name, metrics[schedule.function]):
            known = hours.get((schedule.function, metric), 0.0)
            hours[(schedule.function, metric)] = max(known, of_a_day)
    return sum(hours.values()) / 24


def _metrics(stack: Stack, prices: Prices, metrics: dict[str, set[str]]) -> Item:
    count = metrics_at_rest(stack, metrics)
    functions = ", ".join(sorted({schedule.function for schedule in stack.schedules}))
    return Item("custom metrics", prices.dollars("custom_metrics", count), f"{count:.1f}, written by {functions}")


def _polling(stack: Stack, prices: Prices, measured: dict[str, float]) -> Item:
    receives = measured["empty_receives_a_minute"] * MINUTES_A_MONTH
    standard, fifo = stack.polled("standard"), stack.polled("fifo")
    dollars = prices.dollars("sqs_standard_requests", receives * standard) + prices.dollars("sqs_fifo_requests", receives * fifo)
    counted = f"{standard} standard and {fifo} FIFO, {receives:,.0f} empty receives each"
    return Item("Lambda's polling of queues", dollars, counted)


def _seconds(schedule: Schedule, measured: dict[str, float]) -> float:
    name = "watch" if schedule.function == "watch" else "refresh"
    return measured[f"{name}_milliseconds_a_tick"] / 1_000


def _ticks(stack: Stack, prices: Prices, measured: dict[str, float], metrics: dict[str, set[str]]) -> list[Item]:
    ticks = sum(schedule.ticks_a_month for schedule in stack.schedules)
    gigabyte_seconds = log = reads = writes = keys = requests = lists = 0.0
    for schedule in stack.schedules:
        function, count = stack.functions[schedule.function], schedule.ticks_a_month
        gigabyte_seconds += count * _seconds(schedule, measured) * function.memory / 1_024
        written = METRICS_OF_A_TICK.get(schedule.name, metrics[schedule.function])
        line = measured["metrics_line_bytes"] + measured["metrics_line_bytes_a_metric"] * len(written)
        log += count * (measured["platform_log_bytes"] + line) / 1e9
        if schedule.name == "watch clock":
            reads += count * WATCH_READ_UNITS
            # GetQueueAttributes of each queue.
            requests += count * stack.queues
            keys += count * 2
        elif schedule.name == "watch sweep":
            reads, writes, lists, keys = reads + count * 2, writes + count, lists + count, keys + count
        elif schedule.function == "report":
            reads, writes = reads + count * REFRESH_READ_UNITS, writes + count * REFRESH_WRITE_UNITS
            keys += count
    lambda_dollars = prices.dollars("lambda_requests", ticks)
    lambda_dollars += prices.dollars(f"lambda_gigabyte_seconds_{stack.architecture}", gigabyte_seconds)
    tables = prices.dollars("dynamodb_read_units", reads) + prices.dollars("dynamodb_write_units", writes)
    months = stack.number("LogRetentionDays") / DAYS_A_MONTH
    logs = prices.dollars("log_gigabytes", log) + prices.dollars("log_gigabyte_months", log * months)
    traced = sum(schedule.ticks_a_month for schedule in stack.schedules if stack.functions[schedule.function].is_traced)
    billed = keys if stack.tables_with_billed_key else 0.0
    return [
        Item("queues that watch looks at", prices.dollars("sqs_standard_requests", requests), f"{stack.queues} a tick, {requests:,.0f}"),
        Item("traces", prices.dollars("traces", traced), f"{traced:,.0f} ticks"),
        Item("use of the tables' keys", prices.dollars("key_requests", billed), f"at most {billed:,.0f}: one a tick, role and table"),
        Item("Lambda", lambda_dollars, f"{ticks:,.0f} ticks, {gigabyte_seconds:,.0f} GB-seconds"),
        Item("EventBridge Scheduler", prices.dollars("scheduler_invocations", ticks), f"{ticks:,.0f} ticks"),
        Item("DynamoDB", tables, f"{reads:,.0f} read units, {writes:,.0f} write units"),
        Item("logs", logs, f"{log * 1_000:,.0f} MB, kept {stack.parameters['LogRetentionDays']} days in {stack.log_groups} groups"),
        Item("lists of landing", prices.dollars("s3_puts", lists), f"{lists:,.0f} sweeps"),
    ]
