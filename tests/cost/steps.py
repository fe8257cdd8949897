"""What each step of the river uses on a day: requests, units, seconds and bytes, counted where the code makes them.

A count says where in the code it is from. Retries, conflicts, incidents and what people ask for are not counted.
"""

import math
from dataclasses import dataclass, field

from flow import HOURS_A_DAY, KEY_BYTES, MERGED_AT, ROWS_A_PART, Flow, Volume, processor_seconds
from template import DAYS_A_MONTH, Stack

# shared/src/aws/object_store.rs: PART_BYTES; shared/src/lake/writer.rs: DATA_FILE_BYTES.
PART_BYTES = 5 * 1024 * 1024
DATA_FILE_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
# shared/src/lake/table/create.rs: SNAPSHOTS_KEPT; so many earlier versions of a table's metadata stay.
EARLIER_METADATA = 100
# What a queue gives at once at most; DeleteMessageBatch takes as many.
MESSAGES_A_RECEIVE = 10
# Lambda traces the first request of a second and 5 % of those beyond.
TRACED_A_DAY, TRACED_SHARE = 86_400, 0.05
# DynamoDB asks for a table's key again after five minutes, for each role: 288 a day.
KEY_REQUESTS_A_DAY = 288


@dataclass
class Step:
    """A function at work, or something that is paid by its size."""

    name: str
    uses: dict[str, float] = field(default_factory=dict)
    invocations: float = 0
    seconds: float = 0

    def use(self, meter: str, quantity: float) -> None:
        """Adds to what is used of something on a day."""
        self.uses[meter] = self.uses.get(meter, 0) + quantity


@dataclass(frozen=True)
class Counting:
    """What counting goes by."""

    volume: Volume
    flow: Flow
    stack: Stack
    measured: dict[str, float]
    metrics: dict[str, set[str]]

    def step(self, name: str, invocations: float, seconds: float, log_bytes: float, tables: int = 0) -> Step:
        """A function's step with what every invocation costs: Lambda, its log, traces; and the keys of its tables."""
        function, measured = self.stack.functions[name], self.measured
        seconds += measured["cold_start_share"] * measured["init_milliseconds"] / 1_000
        step = Step(name, {}, invocations, seconds)
        step.use("lambda_requests", invocations)
        gigabyte_seconds = invocations * seconds * function.memory / 1_024
        step.use(f"lambda_gigabyte_seconds_{self.stack.architecture}", gigabyte_seconds)
        # shared/src/telemetry.rs: one line of metrics an invocation.
        line = measured["metrics_line_bytes"] + measured["metrics_line_bytes_a_metric"] * len(self.metrics[name])
        log = (invocations * (measured["platform_log_bytes"] + line) + log_bytes) / 1e9
        step.use("log_gigabytes", log)
        step.use("log_gigabyte_months", log * self.stack.number("LogRetentionDays") / DAYS_A_MONTH)
        if function.is_traced:
            beyond = max(0.0, invocations - TRACED_A_DAY)
            step.use("traces", min(invocations, TRACED_A_DAY) + TRACED_SHARE * beyond)
        if self.stack.tables_with_billed_key:
            step.use("key_requests", min(invocations, KEY_REQUESTS_A_DAY) * tables)
        # A metric is billed by the hours in which it has a value.
        hours = min(HOURS_A_DAY, invocations)
        step.use("custom_metrics", len(self.metrics[name]) * hours / HOURS_A_DAY / DAYS_A_MONTH)
        return step


def chunks(size: float) -> int:
    """As how many requests SQS and SNS bill a payload."""
    return max(1, math.ceil(size / CHUNK_BYTES))


def write_units(kilobytes: float, in_transaction: bool = True) -> int:
    """Write units of an item; in a transaction twice as many."""
    return math.ceil(kilobytes) * (2 if in_transaction else 1)


def puts_of_file(size: float) -> float:
    """PUT requests of data files that have so many bytes together: one, or the parts and two around them."""
    files = max(1, math.ceil(size / DATA_FILE_BYTES))
    each = size / files
    return files * (1 if each <= PART_BYTES else 2 + math.ceil(each / PART_BYTES))


def collect(counting: Counting) -> Step:
    """segment-collect: a request to the function URL, a message on the inbox (functions/segment-collect/src/lib.rs)."""
    flow, measured, volume = counting.flow, counting.measured, counting.volume
    memory = counting.stack.functions["segment-collect"].memory
    megabytes = volume.batch * volume.event_bytes / 1e6
    seconds = measured["collect_milliseconds_a_request"] / 1_000
    seconds += processor_seconds(megabytes * measured["collect_cpu_milliseconds_per_megabyte"], memory)
    step = counting.step("segment-collect", flow.requests, seconds, 0)
    step.use("sqs_standard_requests", flow.inbox_messages * chunks(flow.inbox_message_bytes))
    # The write keys are read again every five minutes by each environment that is at work: credentials.rs.
    environments = max(1.0, flow.a_second(flow.requests) * seconds)
    step.use("secret_calls", min(flow.requests, KEY_REQUESTS_A_DAY * environments))
    return step


def land(counting: Counting) -> Step:
    """land: what came within a window, or 6 MB of it, becomes an object a folder (functions/land/src/lib.rs)."""
    flow, measured = counting.flow, counting.measured
    megabytes = flow.events_a_file * counting.volume.event_bytes / 1e6 * flow.files / flow.land_invocations
    work = megabytes * measured["land_cpu_milliseconds_per_megabyte"]
    seconds = processor_seconds(work, counting.stack.functions["land"].memory)
    seconds += measured["land_milliseconds_an_object"] / 1_000 * flow.files / flow.land_invocations
    step = counting.step("land", flow.land_invocations, seconds, flow.files * measured["run_log_bytes"])
    together = min(MESSAGES_A_RECEIVE, max(1.0, flow.inbox_messages / flow.land_invocations))
    receives = flow.inbox_messages / together
    step.use("sqs_standard_requests", receives * chunks(together * flow.inbox_message_bytes) + receives)
    step.use("s3_puts", flow.files)
    return step


def transform(counting: Counting) -> Step:
    """segment-transform: a file becomes a data file and a commit request a dataset (shared/src/transform/input.rs)."""
    flow, measured, stack = counting.flow, counting.measured, counting.stack
    decoded = flow.events_a_file * counting.volume.event_bytes
    work = decoded / 1e6 * measured["transform_cpu_milliseconds_per_megabyte"]
    seconds = processor_seconds(work, stack.functions["segment-transform"].memory)
    seconds += measured["transform_milliseconds_a_file"] / 1_000
    step = counting.step("segment-transform", flow.files, seconds, flow.files * measured["run_log_bytes"], tables=2)
    # S3 tells the queue; it is received and deleted.
    step.use("sqs_standard_requests", 3 * flow.files)
    step.use("s3_gets", flow.files)
    # `is_known` by tag, by checksum, and the history: three queries.
    step.use("dynamodb_read_units", 3 * flow.files)
    data = decoded * measured["data_file_bytes_per_thousand_bytes"] / 1_000 / flow.datasets_a_file
    # The data file, its keys (outcome.rs, write_keys), the commit request.
    step.use("s3_puts", flow.runs * (puts_of_file(data) + flow.looks_back + 1))
    step.use("s3_puts", flow.files * measured["quarantined_file_share"])
    step.use("sqs_fifo_requests", flow.runs)
    # `finish_input`: the content's item and the file's run in one transaction.
    step.use("dynamodb_write_units", flow.files * (write_units(1) + write_units(measured["file_run_kilobytes"])))
    return step


def commit(counting: Counting) -> Step:
    """lake-commit: the requests of a table become a snapshot (functions/lake-commit/src/commit.rs)."""
    flow, measured = counting.flow, counting.measured
    commits = flow.runs / flow.requests_a_commit
    log_bytes = flow.runs * measured["run_log_bytes"]
    step = counting.step("lake-commit", commits, flow.commit_seconds, log_bytes, tables=2)
    # Received and deleted together.
    step.use("sqs_fifo_requests", 2 * commits)
    # GetTable opens the table, UpdateTable has it point at what is new (lake/table/mod.rs, update.rs).
    step.use("glue_requests", 2 * commits)
    # The metadata and the list of manifests, and every hundredth time the hundred manifests that become one (merge.rs).
    step.use("s3_gets", 3 * commits)
    # A manifest, the list and the metadata; the merged manifest.
    step.use("s3_puts", (3 + 1 / MERGED_AT) * commits)
    # A note of each request whose snapshot is forgotten (forget.rs). What nothing names is deleted, which is free.
    step.use("s3_puts", flow.runs)
    # The request itself.
    step.use("s3_gets", flow.runs)
    if flow.looks_back:
        # look_back.rs: the index and the request's keys, and segments that are not held; the index is written anew a
        # commit, and every other request merges segments.
        step.use("s3_gets", commits + flow.runs * (1 + measured["key_segments_a_request"]))
        step.use("s3_puts", commits + flow.runs / 2)
    # The claim; the history of the object (supersede.rs).
    step.use("dynamodb_write_units", flow.runs * write_units(1, in_transaction=False))
    step.use("dynamodb_read_units", flow.runs)
    # `finish_commit`: the item and the run in one transaction, and the run once more in the index by dataset.
    run = measured["run_kilobytes"]
    step.use("dynamodb_write_units", flow.runs * (write_units(1) + write_units(run) + write_units(run, False)))
    return step


def announce(counting: Counting) -> Step:
    """announce: a message a run on the datasets topic (functions/announce/src/lib.rs). Lambda's reads of a stream are free."""
    flow, measured = counting.flow, counting.measured
    runs = flow.runs + flow.files
    batches = runs / measured["runs_a_stream_batch"]
    seconds = measured["runs_a_stream_batch"] * measured["announce_milliseconds_a_run"] / 1_000
    step = counting.step("announce", batches, seconds, 0)
    # PublishBatch: its messages are billed together.
    step.use("sns_publishes", batches * chunks(measured["runs_a_stream_batch"] * measured["run_kilobytes"] * 1_024))
    return step


def observe(counting: Counting) -> Step:
    """observe: a run is taken in, and its dataset judged (functions/observe/src/observer.rs)."""
    flow, measured = counting.flow, counting.measured
    runs = flow.runs + flow.files
    batches = runs / measured["runs_a_stream_batch"]
    seconds = flow.runs / batches * measured["observe_milliseconds_a_run"] / 1_000
    step = counting.step("observe", batches, seconds, 0, tables=2)
    # observation/metrics.rs, record: volume by event time, and by hour and day of arrival. A sum and the run's share of
    # it are read and written in one transaction (tally.rs, set_share); so are the day's columns; a trace of both.
    sums = measured["event_buckets_a_run"] + 2
    columns = measured["day_columns_kilobytes"]
    writes = sums * 2 * write_units(1) + 2 * write_units(columns) + 2 * write_units(1)
    reads = sums * 2 + 2 * math.ceil(columns / 4) + 2
    # freshness.rs: the day's arrivals every five minutes at most, the dataset's state; edges.rs: the edge, whole.
    writes += 2 * write_units(1) + write_units(measured["edge_kilobytes"])
    reads += 6 + math.ceil(measured["edge_kilobytes"] / 4)
    # schema.rs: the schema, whole; observer.rs, judge: days, hours and columns; five monitors ask for open incidents.
    writes += write_units(measured["schema_kilobytes"])
    reads += math.ceil((measured["schema_kilobytes"] + measured["judged_kilobytes"]) / 4) + 5
    step.use("dynamodb_write_units", flow.runs * writes)
    step.use("dynamodb_read_units", flow.runs * reads)
    return step


def attribute(counting: Counting) -> Step:
    """attribute: touches and links of the rows that were committed (functions/attribute/src/learn.rs)."""
    flow, measured, volume = counting.flow, counting.measured, counting.volume
    told = flow.files * min(measured["attributed_datasets_a_file"], flow.datasets_a_file)
    rows = volume.events_a_day * measured["rows_an_event"] * measured["attributed_share"]
    parts = math.ceil(rows / told / ROWS_A_PART)
    # A run with more rows than one invocation reads is told of by its parts: attributor.rs, send_parts.
    messages = told * (1 + parts) if parts > 1 else told
    seconds = measured["attribute_milliseconds_a_message"] / 1_000
    seconds += rows / messages / 1_000 * measured["attribute_milliseconds_per_thousand_rows"] / 1_000
    step = counting.step("attribute", messages, seconds, 0, tables=1)
    step.use("sqs_standard_requests", 3 * messages)
    # lake/read.rs: the footer, and each of eight columns of a row group.
    step.use("s3_gets", told * (1 if parts > 1 else 0) + told * parts * 9)
    # A touch is an item, one more under its click, and a mark of the click where there is none; the marks and whether
    # anything is known of the person are read.
    touches = volume.events_a_day * measured["touch_share"]
    clicks = touches * measured["click_share"]
    step.use("dynamodb_write_units", touches + 2 * clicks)
    step.use("dynamodb_read_units", 2 * touches + 2 * clicks)
    # links.rs: browser, user and address, an item each, read, and written where it says something new. Then the orders
    # of the user and of the address are looked for (identity.rs).
    identifies = volume.events_a_day * measured["identify_share"]
    step.use("dynamodb_write_units", 3 * identifies * measured["new_link_share"])
    step.use("dynamodb_read_units", (3 + 4) * identifies)
    kept = touches * measured["touch_kilobytes"] + clicks * measured["click_kilobytes"]
    kept += identifies * measured["new_person_share"] * measured["person_kilobytes"]
    kept_months = kept * 1_024 / 1e9 * counting.stack.number("TouchRetentionDays") / DAYS_A_MONTH
    step.use("dynamodb_gigabyte_months", kept_months)
    step.use("dynamodb_recovery_gigabyte_months", kept_months)
    return step


def lineage(counting: Counting) -> Step:
    """lineage: an object a run (functions/lineage/src/exporter.rs)."""
    flow, measured = counting.flow, counting.measured
    runs = flow.runs + flow.files
    seconds = measured["lineage_milliseconds_a_run"] / 1_000
    step = counting.step("lineage", runs, seconds, 0)
    step.use("sqs_standard_requests", 3 * runs)
    step.use("s3_puts", runs)
    return step


def storage(counting: Counting) -> Step:
    """What a day leaves behind, for as long as it stays."""
    flow, measured, stack, volume = counting.flow, counting.measured, counting.stack, counting.volume
    step = Step("storage")
    months = {name: stack.number(f"{name}RetentionDays") / DAYS_A_MONTH for name in ("Landing", "Key", "Lineage", "Run", "Observation")}
    decoded = volume.events_a_day * volume.event_bytes
    step.use("s3_gigabyte_months", flow.files * flow.compressed_bytes_a_file / 1e9 * months["Landing"])
    data = decoded * measured["data_file_bytes_per_thousand_bytes"] / 1_000 / 1e9
    step.use("s3_gigabyte_months", data * volume.lake_months)
    # Commit requests and keys go together. Keys are copied some times as segments are merged; each copy stays as long.
    keys = volume.events_a_day * measured["rows_an_event"] * KEY_BYTES * 5 if flow.looks_back else 0
    requests = flow.runs * measured["commit_request_kilobytes"] * 1_024
    step.use("s3_gigabyte_months", (keys + requests) / 1e9 * months["Key"])
    step.use("s3_gigabyte_months", (flow.runs + flow.files) * measured["run_kilobytes"] * 1_024 / 1e9 * months["Lineage"])
    # As much at any time: a list of manifests a snapshot, and the metadata with its last versions.
    table = flow.snapshots * flow.manifest_list_bytes + (1 + EARLIER_METADATA) * flow.metadata_bytes
    step.use("s3_gigabyte_months", table * flow.datasets_a_file / 1e9 / DAYS_A_MONTH)
    # Runs, once more in the index; the Inputs table never forgets, so a year of it; shares of observations.
    runs = (flow.runs * 2 * measured["run_kilobytes"] + flow.files * measured["file_run_kilobytes"]) * months["Run"]
    inputs = (flow.runs + flow.files) * volume.lake_months
    shares = flow.runs * (measured["day_columns_kilobytes"] + measured["event_buckets_a_run"] * 0.3) * months["Observation"]
    for meter in ("dynamodb_gigabyte_months", "dynamodb_recovery_gigabyte_months"):
        step.use(meter, (runs + inputs + shares) * 1_024 / 1e9)
    return step


def steps(counting: Counting) -> list[Step]:
    """All steps, in the order of the river."""
    found = [collect(counting), land(counting)] if counting.volume.path == "api" else []
    for step in (transform, commit, announce, observe, attribute, lineage, storage):
        found.append(step(counting))
    return found
