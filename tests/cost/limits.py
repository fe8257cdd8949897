"""The limits that a volume comes near to, and what to do there."""

from dataclasses import dataclass

from flow import MOST_REQUESTS_A_COMMIT, cached_rows
from model import Cost, World, concurrency

# A tenth of lake-commit's memory may be a table's metadata and its list of manifests: as text, read and written, and as what it says.
METADATA_SHARE = 10
# Objects that a run puts under a table's prefix: data, keys, request, index, note.
PUTS_A_RUN = 5

FEWER_FILES = "fewer, larger files: `InboxWindowSeconds` up to 300, files up to 100 MB"
ACCOUNT = "Lambda: concurrent executions of the account"
URL = "Lambda: requests to the function URL"
KEYS = "keys of repeats in lake-commit's memory"
COMMITS = "commits of a table, one after the other"
METADATA = "metadata of a table"
FIFO = "SQS FIFO: calls of a table's group"
IN_FLIGHT = "SQS: messages of the inbox in flight"
PUTS = "S3: PUT requests under a table's prefix"
GETS = "S3: GET requests under a table's prefix"
OBSERVATIONS = "DynamoDB: writes about a dataset's observations"
ATTRIBUTION = "DynamoDB: writes of the attribution table"
PUBLISHES = "SNS: messages published"

ADVICE = {
    ACCOUNT: "ask AWS for more; set `CollectConcurrency`, so that requests leave some to the others",
    URL: "send larger batches; ask AWS for more concurrency: with each come ten requests a second",
    KEYS: "raise `CommitMemory` (10,240 MB hold 85 million rows a day); beyond that `lookBackDays: 0` for the table, "
    "and take repeats out when reading",
    COMMITS: f"{FEWER_FILES}; split the table",
    METADATA: "compact more often (`OPTIMIZE`), for the list of manifests grows with the data files; no branch beside `main`, which keeps "
    "every snapshot; raise `CommitMemory`",
    FIFO: f"{FEWER_FILES}; the queue is in high-throughput mode already",
    IN_FLIGHT: "shorter `InboxWindowSeconds`, larger batches",
    PUTS: f"{FEWER_FILES}; S3 splits prefixes by itself as load grows",
    GETS: "S3 splits prefixes by itself as load grows",
    OBSERVATIONS: f"{FEWER_FILES}, for it is written by run and not by row",
    ATTRIBUTION: "ask AWS for more; pre-warm the table",
    PUBLISHES: "ask AWS for more",
}
AT_ONCE = {
    "land": "raise `MaximumConcurrency` and the memory of `land`; above some thousand events a second rather use Segment's files or Firehose",
    "segment-transform": "raise `TransformConcurrency` (and `TransformMemory`, which costs nothing where the work is the processor's)",
    "attribute": "raise `MaximumConcurrency` of `attribute`, with the table's quota of writes",
    "lineage": "raise `MaximumConcurrency` of `lineage`",
}


@dataclass(frozen=True)
class Limit:
    """A limit, and how much of it is used."""

    name: str
    used: float
    most: float
    unit: str
    then: str

    @property
    def share(self) -> float:
        """How much of it is used; more than 1 is more than there is."""
        return self.used / self.most


def limits(world: World, found: Cost) -> list[Limit]:
    """All limits, those that are met first at the front."""
    every = [*_of_lambda(world, found), *_of_the_lake(world, found), *_of_services(world, found)]
    return sorted(every, key=lambda limit: -limit.share)


def glue_calls_a_second(found: Cost) -> float:
    """Calls of Glue at the peak. AWS publishes no limit of them."""
    calls = sum(step.uses.get("glue_requests", 0.0) for step in found.steps)
    return found.flow.a_second(calls)


def _limit(name: str, used: float, most: float, unit: str = "a second") -> Limit:
    return Limit(name, used, most, unit, ADVICE[name])


def _of_lambda(world: World, found: Cost) -> list[Limit]:
    at_once, quotas = concurrency(found), world.quotas
    account = quotas["lambda_concurrent_executions"]
    every = [_limit(ACCOUNT, sum(at_once.values()), account, "at once")]
    if found.flow.requests:
        most = account * quotas["url_requests_a_second_a_concurrency"]
        every.append(_limit(URL, found.flow.a_second(found.flow.requests), most))
    for name, then in AT_ONCE.items():
        most = world.stack.functions[name].most_at_once
        if most and name in at_once:
            every.append(Limit(f"{name}: batches at once", at_once[name], most, "at once", then))
    for name in ("announce", "observe"):
        # Lambda gives a shard of a stream to one environment at a time.
        shards = quotas["stream_shards_of_a_new_table"]
        then = f"{FEWER_FILES}; `ParallelizationFactor` of the event source, up to 10"
        every.append(Limit(f"{name}: shards of the Runs table's stream", at_once[name], shards, "at once", then))
    for step in found.steps:
        if step.invocations:
            timeout = world.stack.functions[step.name].timeout
            then = f"raise the time-out and the memory of `{step.name}`; smaller files"
            every.append(Limit(f"{step.name}: seconds of an invocation", step.seconds, timeout, "s", then))
    return every


def _of_the_lake(world: World, found: Cost) -> list[Limit]:
    flow, memory = found.flow, world.stack.functions["lake-commit"].memory
    # The more requests wait, the more come into one commit, ten at most: that is as fast as it gets.
    further = world.measured["commit_milliseconds_a_further_request"] / 1_000
    seconds = flow.commit_seconds + (MOST_REQUESTS_A_COMMIT - flow.requests_a_commit) * further
    return [
        _limit(KEYS, flow.largest_dataset_rows, cached_rows(world.stack), "rows a day and table"),
        _limit(COMMITS, flow.a_second(flow.files), MOST_REQUESTS_A_COMMIT / seconds, "requests a second"),
        _limit(METADATA, (flow.metadata_bytes + flow.manifest_list_bytes) / 1e6, memory / METADATA_SHARE, "MB"),
    ]


def _of_services(world: World, found: Cost) -> list[Limit]:
    flow, quotas = found.flow, world.quotas
    steps = {step.name: step for step in found.steps}
    attribute, observe = steps["attribute"].uses, steps["observe"].uses
    a_table = flow.a_second(flow.files)
    observations = flow.a_second(observe["dynamodb_write_units"] / flow.datasets_a_file)
    every = [
        _limit(FIFO, a_table, quotas["sqs_fifo_calls_a_second_a_partition"]),
        _limit(PUTS, a_table * PUTS_A_RUN, quotas["s3_puts_a_second_a_prefix"]),
        _limit(GETS, flow.a_second(attribute["s3_gets"]), quotas["s3_gets_a_second_a_prefix"]),
        _limit(OBSERVATIONS, observations, quotas["dynamodb_writes_a_second_a_key"], "units a second"),
        _limit(ATTRIBUTION, flow.a_second(attribute["dynamodb_write_units"]), quotas["dynamodb_writes_a_second_a_table"], "units a second"),
        _limit(PUBLISHES, flow.a_second(flow.runs + flow.files), quotas["sns_publishes_a_second"]),
    ]
    if flow.requests:
        seconds = world.stack.functions["land"].window_seconds + steps["land"].seconds
        waiting = flow.a_second(flow.inbox_messages) * seconds
        every.append(_limit(IN_FLIGHT, waiting, quotas["sqs_messages_in_flight"], "messages"))
    return every
