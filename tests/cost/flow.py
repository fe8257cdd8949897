"""How much goes through the river on a day: events in, and the files, runs and commits that they become.

By file, Segment delivers once an hour. By API, requests become messages on the inbox, and `land` makes files of
these. From landing on both take the same way.
"""

import math
from dataclasses import dataclass, replace

from template import Stack

SECONDS_A_DAY = 86_400
HOURS_A_DAY = 24
# A processor's worth of memory: Lambda gives processor time in proportion to it.
MEGABYTES_A_CORE = 1_769
# shared/src/govern/keys.rs: KEY_BYTES.
KEY_BYTES = 10
# README, Repeats in other files: a day's keys and those of the days beside it; merging takes as much again.
KEY_BYTES_A_ROW = 3 * KEY_BYTES
# functions/lake-commit/src/lib.rs: CACHE_SHARE.
CACHE_SHARE = 4
# lake-commit's event source: BatchSize.
MOST_REQUESTS_A_COMMIT = 10
# shared/src/lake/table/forget.rs: LEAST_SNAPSHOTS, MOST_SNAPSHOTS, BATCH.
LEAST_SNAPSHOTS, MOST_SNAPSHOTS, FORGOTTEN_AT_ONCE = 100, 1_000, 100
# shared/src/lake/table/merge.rs: MERGED_AT, SMALL_BYTES.
MERGED_AT, SMALL_MANIFEST_BYTES = 100, 256 * 1024
# functions/attribute/src/attributor.rs: ROWS_AT_ONCE.
ROWS_A_PART = 20_000
# shared/src/event/inbox.rs: SPLIT_BYTES.
MOST_INBOX_MESSAGE_BYTES = 700 * 1024
BASE64 = 4 / 3


@dataclass(frozen=True)
class Volume:
    """What comes in, and how."""

    events_a_day: float
    path: str = "file"
    # Of a file as Segment delivers it: gzip, 100 MB at most.
    file_megabytes: float = 100
    # Messages of a request.
    batch: int = 100
    event_bytes: float = 1_000
    # Sources that have folders of their own in landing.
    sources: int = 1
    # For how long rows stay in the lake.
    lake_months: float = 12


@dataclass(frozen=True)
class Flow:
    """What a volume becomes, a day."""

    requests: float
    inbox_messages: float
    inbox_message_bytes: float
    land_invocations: float
    files: float
    events_a_file: float
    compressed_bytes_a_file: float
    datasets_a_file: float
    # Runs of datasets: a commit request each.
    runs: float
    rows_a_run: float
    largest_dataset_rows: float
    # Of what is said about a second: how much more comes at the peak than in the mean.
    peak: float
    # Whether repeats in other files are looked for; where they cannot be, the model goes on without.
    looks_back: bool
    commit_seconds: float
    requests_a_commit: float
    commits_a_table: float
    # Of a table, in the mean; so are the bytes.
    snapshots: float
    metadata_bytes: float
    manifest_list_bytes: float

    def a_second(self, a_day: float) -> float:
        """How many a second at the peak."""
        return a_day / SECONDS_A_DAY * self.peak


def processor_seconds(milliseconds_of_a_core: float, memory: int) -> float:
    """How long a function of so much memory takes for work that a whole core does in so many milliseconds."""
    return milliseconds_of_a_core / 1_000 * max(1.0, MEGABYTES_A_CORE / memory)


def flow(volume: Volume, stack: Stack, measured: dict[str, float], quotas: dict[str, float]) -> Flow:
    """What a volume becomes."""
    if volume.events_a_day <= 0 or volume.path not in ("file", "api"):
        raise ValueError("there must be events, by `file` or by `api`")
    compressed = volume.event_bytes * measured["compressed_bytes_per_thousand_bytes"] / 1_000
    requests = messages = message_bytes = landings = 0.0
    if volume.path == "api":
        # functions/segment-collect/src/lib.rs: a request is one message, or more where it is large.
        requests = volume.events_a_day / volume.batch
        messages = requests * math.ceil(volume.batch * volume.event_bytes / MOST_INBOX_MESSAGE_BYTES)
        message_bytes = volume.events_a_day * compressed * BASE64 / messages
        # Lambda ends a batch with the window, or at 6 MB; without a message there is none.
        by_window = min(SECONDS_A_DAY / stack.functions["land"].window_seconds, messages)
        landings = max(by_window, messages * message_bytes / quotas["lambda_batch_bytes"])
        # functions/land/src/lib.rs: an object a folder.
        files = min(landings * volume.sources, messages)
        peak = measured["peak_to_mean"]
    else:
        whole = math.ceil(volume.events_a_day * compressed / (volume.file_megabytes * 1e6))
        files = min(max(HOURS_A_DAY * volume.sources, whole), volume.events_a_day)
        peak = 60 / measured["delivery_minutes_an_hour"]
    events_a_file = volume.events_a_day / files
    datasets = min(measured["datasets_a_file"], max(1.0, events_a_file))
    largest = volume.events_a_day * measured["rows_an_event"] * measured["largest_dataset_share"]
    plain = Flow(
        requests=requests,
        inbox_messages=messages,
        inbox_message_bytes=message_bytes,
        land_invocations=landings,
        files=files,
        events_a_file=events_a_file,
        compressed_bytes_a_file=events_a_file * compressed,
        datasets_a_file=datasets,
        runs=files * datasets,
        rows_a_run=events_a_file * measured["rows_an_event"] / datasets,
        largest_dataset_rows=largest,
        peak=peak,
        looks_back=True,
        commit_seconds=0,
        requests_a_commit=1,
        commits_a_table=files,
        snapshots=0,
        metadata_bytes=0,
        manifest_list_bytes=0,
    )
    committed = _with_commits(plain, stack, measured)
    memory = stack.functions["lake-commit"].memory * 1e6
    fits = KEY_BYTES_A_ROW * largest < memory * (1 - 1 / CACHE_SHARE)
    if fits and committed.commit_seconds < stack.functions["lake-commit"].timeout / 2:
        return committed
    return _with_commits(replace(plain, looks_back=False), stack, measured)


def cached_rows(stack: Stack) -> float:
    """Rows a day and table whose keys lake-commit holds between invocations."""
    return stack.functions["lake-commit"].memory * 1e6 / CACHE_SHARE / KEY_BYTES_A_ROW


def kept_snapshots(commits_a_table: float, retention_days: float) -> float:
    """Snapshots that a table knows in the mean: those that are not too old, a thousand at most, and those that wait to go."""
    due = min(max(commits_a_table * retention_days, LEAST_SNAPSHOTS), MOST_SNAPSHOTS)
    return due + FORGOTTEN_AT_ONCE / 2


def listed_manifests(files_a_table: float, measured: dict[str, float]) -> float:
    """Manifests in a table's list in the mean: the small ones until they are merged, and what a day's data files fill."""
    waiting_files = files_a_table / 2
    return MERGED_AT / 2 + waiting_files * measured["data_file_entry_bytes"] / SMALL_MANIFEST_BYTES


def _with_commits(plain: Flow, stack: Stack, measured: dict[str, float]) -> Flow:
    """How many commits there are, and how long one takes.

    Requests of a table that wait while it is committed to come together into its next commit, ten at most; the longer
    a commit takes, the more come together. The table is taken to be compacted every day.
    """
    waiting_bytes = 0.0
    if plain.looks_back and plain.largest_dataset_rows > cached_rows(stack):
        # What does not fit is read again for each commit: functions/lake-commit/src/look_back.rs.
        waiting_bytes = (plain.largest_dataset_rows - cached_rows(stack)) * KEY_BYTES_A_ROW
    keys = waiting_bytes / 1e6 / measured["keys_megabytes_a_second"]
    manifests = listed_manifests(plain.files, measured) * measured["manifest_entry_bytes"]
    arriving = plain.a_second(plain.files)
    together = 1.0
    for _ in range(50):
        commits = plain.files / together
        snapshots = kept_snapshots(commits, stack.number("SnapshotRetentionDays"))
        metadata = snapshots * measured["snapshot_bytes"]
        # The metadata and the list of manifests are read and written.
        table = 2 * (metadata + manifests) / 1e6 / measured["metadata_megabytes_a_second"]
        seconds = measured["commit_milliseconds"] / 1_000 + keys + table
        seconds += (together - 1) * measured["commit_milliseconds_a_further_request"] / 1_000
        then = min(max(1.0, arriving * seconds), MOST_REQUESTS_A_COMMIT)
        if abs(then - together) < 1e-9:
            break
        together = (together + then) / 2
    return replace(
        plain,
        commit_seconds=seconds,
        requests_a_commit=together,
        commits_a_table=commits,
        snapshots=snapshots,
        metadata_bytes=metadata,
        manifest_list_bytes=manifests,
    )


def merged_manifest_gigabytes(found: Flow, days: float, measured: dict[str, float]) -> float:
    """What the manifests of a table add up to that were merged into others, where nobody takes away what nothing names."""
    manifest = measured["manifest_bytes"] + found.requests_a_commit * measured["data_file_entry_bytes"]
    return found.commits_a_table * days * manifest / 1e9
