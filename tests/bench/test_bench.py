"""The benchmark's tests, of what needs none of the engines: python3 -m unittest discover --start-directory tests/bench"""

import argparse
import gzip
import io
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

import bench
import inputs
import instructions
from jobs import INPUTS
from measure import Measured, measure
from summary import OURS, Case, goals, medians, table

HELD_BYTES = 300_000_000


class InFolder(unittest.TestCase):
    """Tests that write somewhere."""

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = Path(held.name)


class Measures(InFolder):
    def measured(self, *command: str, target: Path | None = None) -> Measured:
        return measure(list(command), 1, self.folder / "log", self.folder, target)

    @unittest.skipUnless(sys.platform == "linux", "elsewhere a peak is not handed on")
    def test_what_the_harness_holds_is_in_no_peak(self):
        held = b"x" * HELD_BYTES
        handed_on = "import os, subprocess; print(os.wait4(subprocess.Popen(['true']).pid, 0)[2].ru_maxrss)"
        alone = subprocess.run([sys.executable, "-c", f"held = b'x' * {len(held)}; {handed_on}"], capture_output=True, text=True, check=True)
        # This is why there is a process between.
        self.assertGreater(int(alone.stdout) * 1024, HELD_BYTES)
        self.assertLess(self.measured("true").peak_megabytes, 20)

    def test_what_the_process_itself_holds_is_its_peak(self):
        peak = self.measured(sys.executable, "-c", f"held = b'x' * {HELD_BYTES}").peak_megabytes
        self.assertGreater(peak, HELD_BYTES / 1e6)
        self.assertLess(peak, HELD_BYTES / 1e6 + 50)

    @unittest.skipUnless(sys.platform == "linux", "elsewhere children are not looked for")
    def test_processes_at_the_same_time_are_added_up(self):
        holds = f"import time; held = b'x' * {HELD_BYTES // 3}; time.sleep(0.5)"
        starts = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {holds!r}]); {holds}; child.wait()"
        self.assertGreater(self.measured(sys.executable, "-c", starts).peak_megabytes, HELD_BYTES / 1e6 * 2 / 3)

    def test_data_files_alone_are_output(self):
        (self.folder / "deep").mkdir()
        (self.folder / "deep" / "one.parquet").write_bytes(b"x" * 2_000_000)
        (self.folder / "quarantined.gz").write_bytes(b"x" * 1_000_000)
        self.assertEqual(self.measured("true", target=self.folder).output_megabytes, 2)

    def test_a_failure_is_told(self):
        self.assertEqual(self.measured("sh", "-c", "echo broken; exit 3").problem, "exit code 3: broken")
        self.assertEqual(self.measured("sh", "-c", "kill -9 $$").problem, "killed by signal 9")
        self.assertIn("no-such-program", self.measured("no-such-program").problem)


class Parts(InFolder):
    def parts(self, name: str, content: bytes, number: int) -> list[bytes]:
        made = INPUTS[name]
        file = inputs.file_of(made, 1, self.folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        inputs.make_parts(made, file, number)
        return [part.read_bytes() for part in inputs.parts_of(made, file, number)]

    def test_parts_are_the_whole(self):
        lines = [b"%d\n" % number for number in range(5)]
        self.assertEqual(self.parts("segment", b"".join(lines), 2), [b"0\n1\n2\n", b"3\n4\n"])
        self.assertEqual(self.parts("segment", b"".join(lines), 3), [b"0\n1\n", b"2\n3\n", b"4\n"])

    def test_a_compressed_file_has_compressed_parts_which_are_always_the_same(self):
        one, two = self.parts("segment-gzip", gzip.compress(b"0\n1\n2\n"), 2)
        self.assertEqual((gzip.decompress(one), gzip.decompress(two)), (b"0\n1\n", b"2\n"))
        self.assertEqual(one[4:8], b"\0\0\0\0")

    def test_each_part_of_a_report_has_the_header_and_none_the_total(self):
        report = b"title\ndays\nheader\n0\n1\n2\nTotal\n"
        self.assertEqual(self.parts("google-ads-csv", report, 2), [b"title\ndays\nheader\n0\n1\n", b"title\ndays\nheader\n2\n"])

    def test_a_run_that_was_interrupted_leaves_no_part(self):
        with mock.patch.object(inputs, "islice", side_effect=[iter(()), iter((b"0\n",)), KeyboardInterrupt]), self.assertRaises(KeyboardInterrupt):
            self.parts("segment", b"0\n1\n", 2)
        self.assertEqual([path for path in self.folder.rglob("events?.ndjson") if not path.name.startswith("begun-")], [])
        self.assertEqual(self.parts("segment", b"0\n1\n", 2), [b"0\n", b"1\n"])

    def test_an_input_that_cannot_be_made_is_told(self):
        asked = argparse.Namespace(records=1, threads=[1], generate="sh -c 'exit 3'")
        home = mock.patch.multiple(bench, HOME=self.folder, ROOT=self.folder)
        with home, redirect_stderr(io.StringIO()), self.assertRaisesRegex(bench.NoFile, "exit status 3"):
            bench.make_files("segment", asked)
        self.assertEqual([path for path in self.folder.rglob("*") if path.is_file()], [])


class Checks(InFolder):
    """Who is compared with whom; each engine here fails, differs or does what is to be done."""

    def problems(self, engines: list[str], failed: tuple[str, ...] = (), unlike: tuple[str, ...] = ()) -> dict[str, str]:
        def run(case: Case, *_) -> Measured:
            return Measured(problem="broken" if case.engine in failed else None)

        def difference(_, one: Path, other: Path) -> str | None:
            self.assertTrue(one.name.endswith(OURS))
            return "not equal" if other.name.endswith(unlike) else None

        found: dict[Case, str] = {}
        asked = argparse.Namespace(engines=engines, threads=[1])
        with mock.patch.multiple(bench, HOME=self.folder, run=run, difference=difference), redirect_stderr(io.StringIO()):
            bench.check({"segment": self.folder / "file"}, asked, found)
        return {case.engine: problem for case, problem in found.items()}

    def test_others_are_compared_with_ours_wherever_it_stands(self):
        self.assertEqual(self.problems(["duckdb", OURS, "polars"]), {})
        self.assertEqual(self.problems(["duckdb", OURS, "polars"], unlike=("duckdb",)), {"duckdb": "not equal"})
        self.assertEqual(self.problems([OURS, "duckdb"], failed=("duckdb",)), {"duckdb": "broken"})

    def test_without_ours_nobody_is_compared(self):
        left = "not compared: tributary is not among the engines"
        self.assertEqual(self.problems(["duckdb", "polars"]), {"duckdb": left, "polars": left})
        self.assertEqual(self.problems(["duckdb", OURS], failed=(OURS,)), {OURS: "broken", "duckdb": "not compared: tributary failed"})


class Summaries(unittest.TestCase):
    def setUp(self):
        def runs(*seconds: float, peak: float = 100) -> list[Measured]:
            return [Measured(one, one, peak, 5) for one in seconds]

        self.found = medians({
            Case("segment", 1, OURS): runs(1, 9, 2),
            Case("segment", 2, OURS): runs(1.25),
            Case("segment", 1, "duckdb"): runs(6),
            Case("segment-gzip", 1, OURS): runs(2, peak=128.1),
            Case("segment-gzip", 1, "duckdb"): runs(7),
        })
        self.lines = goals(self.found, medians({"duckdb": runs(0.5)}))

    def test_goals_are_of_medians(self):
        self.assertIn("DuckDB CPU / ours on segment, one core: 3.00, 2.75 without its start (goal 2.5: reached; stretch 4: missed)", self.lines)
        self.assertIn("DuckDB CPU / ours on segment-gzip, one core: 3.50, 3.25 without its start (goal 2.5: reached; stretch 3: reached)", self.lines)
        self.assertIn("DuckDB CPU / ours on dms-csv, one core: not measured (goal 2)", self.lines)

    def test_goals_of_ours_alone(self):
        self.assertIn("Peak of ours on segment, one core: 100 MB (goal 128 MB at most: reached)", self.lines)
        self.assertIn("Peak of ours on segment-gzip, one core: 128.1 MB (goal 128 MB at most: missed)", self.lines)
        self.assertIn("Peak of ours on dms-parquet, one core: not measured (goal 128 MB at most)", self.lines)
        self.assertIn("Wall of ours on segment, one core / two cores: 1.60 (goal near 2)", self.lines)
        self.assertIn("Wall of ours on segment-gzip, one core / two cores: not measured (goal near 2)", self.lines)

    def test_every_row_has_every_column(self):
        cases = [*self.found, Case("segment", 1, "chdb")]
        lines = table(cases, self.found, {cases[-1]: "exit code 1: a | b"}).splitlines()
        self.assertEqual({line.count("|") for line in lines}, {11})


class Instructions(unittest.TestCase):
    def test_every_function_counts_for_one_part(self):
        told = """
1,000 (100.0%)  PROGRAM TOTALS
  600 (60.00%)  pregenerated/sha256-x86_64-elf.S:ring_core_0_17_14__sha256_block_data_order_avx [dry-run]
  200 (20.00%)  ???:shared::govern::json_cursor::Cursor::string [dry-run]
  150 (15.00%)  ???:parquet::util::interner::Interner<S>::intern [dry-run]
   50 ( 5.00%)  ???:0x0000000000001140 [???]
"""
        counts = instructions.by_part(told)
        self.assertEqual(counts.total(), 1000)
        self.assertEqual(sorted(counts.values()), [50, 150, 200, 600])
        self.assertEqual(counts["reading JSON"], 200)
        shown = instructions.table({"segment": counts}, 10)
        self.assertIn("| reading JSON | 20.0 |", shown)
        self.assertIn("| **instructions a record** | 100 |", shown)

    def test_the_program_itself_is_watched_and_has_its_environment(self):
        environment, command = instructions.split_environment(["env", "NAME=16384", "dry-run", "--out", "a=b"])
        self.assertEqual((environment, command), ({"NAME": "16384"}, ["dry-run", "--out", "a=b"]))


if __name__ == "__main__":
    unittest.main()
