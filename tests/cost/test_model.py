"""The calculator's tests: python3 -m unittest discover --start-directory tests/cost"""

import json
import subprocess
import sys
import unittest
from dataclasses import replace

import metrics
import page
import prices
import readme
import rest
import template
from flow import Volume, kept_snapshots, listed_manifests, merged_manifest_gigabytes
from limits import limits
from model import Cost, World, concurrency, cost
from steps import puts_of_file, write_units
from template import ROOT, ticks_a_month


def world(**parameters: str) -> World:
    """Everything as the files beside this one have it."""
    return World(template.read(parameters), prices.prices(), prices.measured(), prices.quotas(), metrics.by_function())


def used(found: Cost, step: str, meter: str) -> float:
    """What a step uses of something on a day."""
    return next(each.uses.get(meter, 0.0) for each in found.steps if each.name == step)


class Readme(unittest.TestCase):
    """The README says what the script does."""

    def test_the_page_is_the_one_of_the_template_and_of_the_numbers_as_they_are(self):
        self.assertEqual(readme.read(), page.page(world(), Volume(page.VOLUMES[0])), "make cost ARGUMENTS=--readme writes it anew")


class Template(unittest.TestCase):
    """What is counted is what template.yaml says; here it is read as text."""

    def setUp(self):
        self.text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        self.stack = template.read()

    def of_type(self, kind: str) -> int:
        return self.text.count(f"    Type: {kind}\n")

    def test_counts_are_those_of_the_template(self):
        self.assertEqual(self.stack.alarm_metrics, self.of_type("AWS::CloudWatch::Alarm"))
        self.assertEqual(self.stack.secrets, self.of_type("AWS::SecretsManager::Secret"))
        self.assertEqual(self.stack.queues, self.of_type("AWS::SQS::Queue"))
        self.assertEqual(self.stack.tables, self.of_type("AWS::DynamoDB::Table"))
        self.assertEqual(self.stack.log_groups, self.of_type("AWS::Logs::LogGroup"))
        self.assertEqual(len(self.stack.functions), self.of_type("AWS::Serverless::Function"))

    def test_every_function_has_its_source(self):
        self.assertEqual(set(self.stack.functions), set(metrics.by_function()))

    def test_queues_that_lambda_polls(self):
        self.assertEqual(self.stack.functions["lake-commit"].queue, "fifo")
        self.assertEqual(self.stack.functions["land"].window_seconds, 30)
        self.assertEqual(self.stack.functions["announce"].queue, None)
        self.assertEqual(self.stack.polled("fifo"), 1)

    def test_parameters_and_conditions_are_followed(self):
        self.assertFalse([schedule for schedule in self.stack.schedules if schedule.function == "google-ads-pull"])
        pulled = template.read({"GoogleAdsCustomers": "1", "TransformMemory": "1769", "EncryptionKeyArn": "arn"})
        self.assertTrue([schedule for schedule in pulled.schedules if schedule.function == "google-ads-pull"])
        self.assertEqual(pulled.functions["segment-transform"].memory, 1769)
        self.assertEqual((self.stack.keys, pulled.keys), (0, 1))
        captured = template.read({"CapturedStreamArn": "arn"})
        self.assertEqual(captured.tables, self.stack.tables - 1)
        with self.assertRaises(SystemExit):
            template.read({"NoSuchParameter": "1"})

    def test_clocks(self):
        for expression, ticks in {
            "rate(5 minutes)": 8640,
            "rate(1 hour)": 720,
            "rate(1 day)": 30,
            "cron(0 6 * * ? *)": 30,
            "cron(0/15 * * * ? *)": 2880,
            "cron(0 8,20 * * ? *)": 60,
            "cron(0 6 1 * ? *)": 1,
        }.items():
            self.assertEqual(ticks_a_month(expression), ticks, expression)
        with self.assertRaises(ValueError):
            ticks_a_month("at(2026-11-24T00:00:00)")

    def test_metrics_are_read_off_the_sources(self):
        found = metrics.by_function()
        self.assertEqual(found["lake-commit"], {"Commits", "CommittedRows", "FailedMessages", "HandlerDuration"})
        self.assertIn("QuarantinedRecords", found["database-transform"])
        self.assertNotIn("FailedInvocations", found["watch"])


class Rest(unittest.TestCase):
    """A month in which nothing comes."""

    def lines(self, **parameters: str) -> dict[str, rest.Item]:
        this = world(**parameters)
        return {item.name: item for item in rest.items(this.stack, this.prices, this.measured, this.metrics)}

    def test_what_can_be_reckoned_by_hand(self):
        lines = self.lines()
        self.assertAlmostEqual(lines["CloudWatch alarms"].dollars, 0.10 * world().stack.alarm_metrics)
        self.assertAlmostEqual(lines["secrets"].dollars, 0.40 * world().stack.secrets)
        # 5 pollers, 3 receives a minute, 43,200 minutes; seven standard queues and a FIFO queue.
        self.assertAlmostEqual(lines["Lambda's polling of queues"].dollars, 0.648 * (7 * 0.40 + 0.50))

    def test_a_metric_is_paid_for_by_its_hours(self):
        this = world()
        always = len(this.metrics["watch"]) + len(this.metrics["report"])
        # Two of alert have a value in one hour of a day.
        self.assertAlmostEqual(rest.metrics_at_rest(this.stack, this.metrics), always + 2 / 24)

    def test_a_slower_clock_is_cheaper(self):
        def together(**parameters: str) -> float:
            return rest.total(list(self.lines(**parameters).values()))

        self.assertLess(together(WatchSchedule="rate(15 minutes)"), together())
        self.assertAlmostEqual(together(EncryptionKeyArn="arn") - together(), 1.00)


class Prices(unittest.TestCase):
    """The price list."""

    def test_tiers(self):
        found = prices.Prices("nowhere", {"things": {"per": 10, "tiers": [[100, 2.0], [200, 1.0], [None, 0.5]]}})
        for quantity, dollars in {0: 0, 50: 10, 100: 20, 150: 25, 200: 30, 400: 40}.items():
            self.assertAlmostEqual(found.dollars("things", quantity), dollars)

    def test_every_price_and_number_says_where_it_is_from(self):
        for meter in prices.prices().meters.values():
            self.assertTrue(meter["page"].startswith("https://") and meter["checked"])
            self.assertIsNone(meter["tiers"][-1][0])
        values = json.loads((prices.HERE / "measured.json").read_text(encoding="utf-8"))["values"]
        self.assertTrue(all(entry["source"] and entry["unit"] for entry in values.values()))

    def test_every_number_is_used(self):
        sources = "".join(path.read_text(encoding="utf-8") for path in prices.HERE.glob("*.py") if path.name != "test_model.py")
        sources = sources.replace('f"{name}_milliseconds_a_tick"', '"watch_milliseconds_a_tick" "refresh_milliseconds_a_tick"')
        for name in [*prices.measured(), *prices.quotas()]:
            self.assertIn(f'"{name}"', sources)

    def test_unknown_numbers_are_refused(self):
        with self.assertRaises(ValueError):
            prices.measured(given={"no_such_number": 1})


class Model(unittest.TestCase):
    """What a volume costs."""

    def setUp(self):
        self.world = world()

    def test_a_million_times_the_volume_and_the_rest_is_the_whole(self):
        for path in page.PATHS:
            for count in page.VOLUMES:
                found = cost(self.world, Volume(count, path))
                millions = count * 30 / 1e6
                self.assertAlmostEqual(found.per_million * millions, found.total_a_month - found.rest, delta=1e-6 * found.total_a_month)
                by_step = sum(found.step_per_million(step.name) for step in found.steps)
                self.assertAlmostEqual(by_step, found.per_million)

    def test_beyond_what_rests_it_grows_with_the_volume(self):
        # Between these there are no tiers, whole files, metrics that all have values, and no growing commits.
        none = {**self.world.measured, "snapshot_bytes": 0, "manifest_entry_bytes": 0, "commit_milliseconds_a_further_request": 0}
        this = replace(self.world, measured=none)
        first, second, third = (cost(this, Volume(count)).traffic_a_month for count in (2e8, 4e8, 6e8))
        self.assertAlmostEqual((third - second) / (second - first), 1, delta=0.05)

    def test_more_events_never_cost_less(self):
        for path in page.PATHS:
            costs = [cost(self.world, Volume(10.0**power, path)).total_a_month for power in range(0, 11)]
            self.assertEqual(costs, sorted(costs))

    def test_requests_are_counted_as_the_code_makes_them(self):
        found = cost(self.world, Volume(1e6))
        self.assertEqual(found.flow.files, 24)
        self.assertEqual(used(found, "segment-transform", "sqs_standard_requests"), 3 * 24)
        self.assertEqual(used(found, "segment-transform", "sqs_fifo_requests"), 6 * 24)
        # A data file, its keys and the request of each dataset, and the quarantine.
        self.assertEqual(used(found, "segment-transform", "s3_puts"), 24 * (6 * 3 + 1))
        self.assertEqual(used(found, "lake-commit", "glue_requests"), 2 * 6 * 24)
        # The metadata, the list and the manifest that is merged some day; of a request itself, its keys and three segments, and the index.
        self.assertEqual(used(found, "lake-commit", "s3_gets"), 6 * 24 * (3 + 1 + 1 + 3 + 1))
        # Manifest, list and metadata, a hundredth of a merged manifest, the note, the index and half a merged segment.
        self.assertAlmostEqual(used(found, "lake-commit", "s3_puts"), 6 * 24 * (3.01 + 1 + 1.5))
        self.assertEqual(used(found, "lineage", "s3_puts"), 7 * 24)

    def test_requests_of_the_api(self):
        found = cost(self.world, Volume(1e6, "api", batch=1))
        self.assertEqual(used(found, "segment-collect", "lambda_requests"), 1e6)
        self.assertEqual(used(found, "segment-collect", "sqs_standard_requests"), 1e6)
        # 86,400 of them are traced in any case, and a twentieth of the others.
        self.assertAlmostEqual(used(found, "segment-collect", "traces"), 86_400 + 0.05 * (1e6 - 86_400))
        self.assertLess(cost(self.world, Volume(1e6, "api", batch=100)).total_a_month, found.total_a_month)

    def test_large_messages_are_several_requests(self):
        small, large = (cost(self.world, Volume(1e8, "api", batch=batch)) for batch in (100, 400))
        each = [used(found, "segment-collect", "sqs_standard_requests") / found.flow.inbox_messages for found in (small, large)]
        self.assertEqual(each, [1, 2])

    def test_a_longer_window_makes_fewer_files(self):
        short, long = (cost(world(InboxWindowSeconds=seconds), Volume(1e6, "api")) for seconds in ("30", "300"))
        self.assertEqual((short.flow.files, long.flow.files), (2_880, 288))
        self.assertLess(long.per_million, short.per_million / 2)

    def test_nothing_is_sent_more_often_than_it_comes(self):
        few = cost(self.world, Volume(5, "api", batch=1))
        self.assertEqual((few.flow.requests, few.flow.land_invocations, few.flow.files, few.flow.runs), (5, 5, 5, 5))

    def test_a_table_knows_a_thousand_snapshots_and_those_that_wait_to_go(self):
        self.assertEqual([kept_snapshots(commits, 30) for commits in (1, 24, 100, 1e6)], [150, 770, 1_050, 1_050])
        small, large = (cost(self.world, Volume(count, "api")).flow for count in (1e6, 1e10))
        self.assertEqual((small.snapshots, small.metadata_bytes), (large.snapshots, large.metadata_bytes))

    def test_small_manifests_become_one(self):
        self.assertEqual(listed_manifests(0, self.world.measured), 50)
        # Of half a day's files, 250 to two of 256 KB.
        self.assertAlmostEqual(listed_manifests(500, self.world.measured), 52, delta=0.05)

    def test_how_long_snapshots_may_stay_costs_nothing_where_there_are_thousands(self):
        short, long = (cost(world(SnapshotRetentionDays=days), Volume(1e6, "api")).total_a_month for days in ("19", "300"))
        self.assertAlmostEqual(short, long)

    def test_uploads_and_items(self):
        megabyte = 1024 * 1024
        self.assertEqual([puts_of_file(size * megabyte) for size in (1, 5, 6, 256, 257)], [1, 1, 4, 54, 2 * 28])
        self.assertEqual((write_units(0.2), write_units(1.5), write_units(1.5, False)), (2, 4, 2))

    def test_memory_does_not_make_the_work_of_a_processor_dearer(self):
        one, other = (cost(world(TransformMemory=memory), Volume(1e10)) for memory in ("512", "1769"))
        meter = "lambda_gigabyte_seconds_x86_64"
        share = used(other, "segment-transform", meter) / used(one, "segment-transform", meter)
        # But for what it waits for S3 and DynamoDB.
        self.assertTrue(1 < share < 1.25, share)

    def test_another_processor_is_another_price(self):
        arm = cost(world(Architecture="arm64"), Volume(1e9))
        self.assertLess(arm.traffic_a_month, cost(self.world, Volume(1e9)).traffic_a_month)

    def test_without_events_there_is_nothing_to_reckon(self):
        for volume in (Volume(0), Volume(1, "carrier pigeon")):
            with self.assertRaises(ValueError):
                cost(self.world, volume)


class Limits(unittest.TestCase):
    """What is met first."""

    def setUp(self):
        self.world = world()

    def test_the_most_used_is_at_the_front(self):
        shares = [limit.share for limit in limits(self.world, cost(self.world, Volume(1e9, "api")))]
        self.assertEqual(shares, sorted(shares, reverse=True))

    def test_a_million_by_file_meets_none(self):
        self.assertLess(limits(self.world, cost(self.world, Volume(1e6)))[0].share, 0.5)

    def test_many_small_files_meet_none(self):
        self.assertLess(limits(self.world, cost(self.world, Volume(1e6, "api")))[0].share, 0.5)

    def test_metadata_is_no_limit_for_anybody(self):
        for path in page.PATHS:
            for count in page.VOLUMES:
                shares = {limit.name: limit.share for limit in limits(self.world, cost(self.world, Volume(count, path)))}
                self.assertLess(shares["metadata of a table"], 0.1)

    def test_many_rows_meet_the_keys_first(self):
        found = cost(self.world, Volume(1e9))
        self.assertEqual(limits(self.world, found)[0].name, "keys of repeats in lake-commit's memory")
        self.assertFalse(found.flow.looks_back)
        self.assertTrue(cost(self.world, Volume(1e6)).flow.looks_back)
        # README, Repeats in other files: 15 million rows a day and table at 1,769 MB.
        roomy = world(CommitMemory="1769")
        keys = next(limit for limit in limits(roomy, cost(roomy, Volume(1e6))) if limit.name.startswith("keys"))
        self.assertAlmostEqual(keys.most / 15e6, 1, delta=0.05)

    def test_single_messages_meet_the_function_url(self):
        single = Volume(1e10, "api", batch=1)
        named = {limit.name: limit.share for limit in limits(self.world, cost(self.world, single))}
        self.assertGreater(named["Lambda: requests to the function URL"], 10)

    def test_a_tables_commits_come_one_after_the_other(self):
        found = cost(self.world, Volume(1e10, "api"))
        self.assertLessEqual(concurrency(found)["lake-commit"], found.flow.datasets_a_file)
        self.assertAlmostEqual(found.flow.requests_a_commit, 10)

    def test_what_nobody_looks_after_grows_by_the_commit(self):
        found = cost(self.world, Volume(1e6, "api")).flow
        one, two = (merged_manifest_gigabytes(found, days, self.world.measured) for days in (30, 60))
        self.assertAlmostEqual(two / one, 2)


class Page(unittest.TestCase):
    """What is printed."""

    def run_it(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(prices.HERE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_the_page_has_its_tables(self):
        text = page.page(world(), Volume(1e6))
        for wanted in ("### At rest", "### Per million events", "10 billion by API", "lookBackDays: 0"):
            self.assertIn(wanted, text)
        for lines in (block.split("\n") for block in text.split("\n\n") if block.startswith("|")):
            self.assertEqual(len({line.count("|") for line in lines}), 1, lines[0])

    def test_a_volume_for_programs(self):
        done = self.run_it("--events-a-day", "5e6", "--path", "api", "--batch", "20", "--json")
        answer = json.loads(done.stdout)
        together = answer["dollars_a_month"]
        self.assertAlmostEqual(together["at_rest"] + together["traffic"], together["together"])

    def test_what_cannot_be_is_refused(self):
        for arguments in (("--events-a-day", "-1"), ("--batch", "0"), ("--parameter", "x"), ("--measured", "x=1")):
            self.assertEqual(self.run_it(*arguments).returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
