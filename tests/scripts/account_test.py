#!/usr/bin/python3
"""scripts/account.py and memory_snapshot.py: on files in place of /proc, and known figures."""

import os
import pathlib
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import account  # noqa: E402
import memory_snapshot  # noqa: E402

KIB = 1024
FILES = {
    "meminfo": "MemTotal: 9 kB\nMemFree: 1000 kB\nBuffers: 20 kB\nCached: 300 kB\n"
    "AnonPages: 70 kB\nSlab: 60 kB\nKernelStack: 32 kB\nPageTables: 8 kB\nSecPageTables: 4 kB\n",
    "zoneinfo": "Node 0, zone DMA\n    cpu: 0\n              count:    5\n"
    "    cpu: 1\n              count:    7\n              high:  99\n",
    "net/sockstat": "sockets: used 3\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 11\nUDP: mem 4\n",
    "slabinfo": "slabinfo - version: 2.1\n# name <active_objs> ...\n"
    "TCP  100  104  2368  13  8 : tunables 0 0 0 : slabdata  8  8  0\n"
    "proc_inode_cache 9 23 696 23 4 : tunables 0 0 0 : slabdata 1 1 0\n"
    "dentry 9 42 192 21 1 : tunables 0 0 0 : slabdata 2 2 0\n"
    "kmalloc-64 5 64 64 64 1 : tunables 0 0 0 : slabdata  1  1  0\n",
    "7/smaps_rollup": "0-1 ---p [rollup]\nRss: 99 kB\nPss_Anon: 16 kB\n",
    "7/status": "RssAnon:\t 20 kB\nVmPTE:\t 3 kB\n",
    "8/status": "VmRSS: 50 kB\nRssAnon:\t 24 kB\nVmPTE:\t 2 kB\n",
}


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name, text in FILES.items():
            path = self.root / "proc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


class Snapshot(Tree):
    def test_reads_each_kind_in_bytes(self):
        found = account.snapshot([7, 8], self.root)
        self.assertEqual(found["resident_by_pid"], {7: 16 * KIB, 8: 24 * KIB})
        self.assertEqual(found["resident"], 40 * KIB)
        self.assertEqual(found["page_tables"], 5 * KIB)
        self.assertEqual(found["page_tables_by_pid"], {7: 3 * KIB, 8: 2 * KIB})
        self.assertEqual(found["kernel_stack"], 32 * KIB)
        self.assertEqual(found["slab"], 60 * KIB)
        self.assertEqual(
            found["slab_by_cache"],
            {
                "TCP": 8 * 8 * memory_snapshot.PAGE,
                "proc_inode_cache": 4 * memory_snapshot.PAGE,
                "dentry": 2 * memory_snapshot.PAGE,
                "kmalloc-64": memory_snapshot.PAGE,
            },
        )
        # 23 inodes and as many dentries, 21 to a page.
        pages = 4 + 23 / 21
        self.assertEqual(found["proc_inodes"], int(pages * memory_snapshot.PAGE))
        # 100 of 104 sockets, 5 of 64, and 9 dentries less those of the 9 inodes of /proc.
        sockets = 100 * 64 / 104 + 5 / 64
        self.assertAlmostEqual(found["slab_in_use"], sockets * memory_snapshot.PAGE, delta=4)
        self.assertEqual(found["socket"], 11 * memory_snapshot.PAGE)
        self.assertEqual(found["processes"], 78 * KIB)

    def test_free_memory_includes_the_page_cache_and_what_processors_keep(self):
        found = account.snapshot([], self.root)
        self.assertEqual(found["free"], 1320 * KIB + 12 * memory_snapshot.PAGE)
        self.assertEqual(found["resident"], 0)

    def test_what_cannot_be_read_is_none_and_never_zero(self):
        for name in FILES:
            (self.root / "proc" / name).unlink()
        found = account.snapshot([7], self.root)
        self.assertEqual(found.pop("resident_by_pid"), {7: None})
        self.assertEqual(found.pop("page_tables_by_pid"), {7: None})
        self.assertEqual(set(found.values()), {None}, found)

    def test_a_process_that_is_gone_leaves_no_sum(self):
        found = account.snapshot([7, 9], self.root)
        self.assertIsNone(found["resident"])
        self.assertEqual(found["resident_by_pid"], {7: 16 * KIB, 9: None})

    def test_this_process_has_resident_memory(self):
        self.assertGreater(account.snapshot([os.getpid()])["resident"], 1_000_000)


def reading(slab, **changes):
    known = dict.fromkeys(memory_snapshot.SETTLING, 0)
    return {**known, "slab": slab, **changes}


class Settle(unittest.TestCase):
    def settle(self, slabs, **how):
        left, waits = [reading(slab) for slab in slabs], []
        found = account.settle(lambda: left.pop(0), sleep=waits.append, **how)
        return found, waits

    def test_waits_until_two_readings_agree(self):
        found, waits = self.settle([90_000_000, 60_000_000, 40_000_000, 40_030_000, 0])
        self.assertEqual((found["slab"], found["settled"]), (40_030_000, True))
        self.assertEqual(waits, [2, 2, 2])

    def test_ends_when_none_agree(self):
        found, waits = self.settle(range(0, 10**9, 10**6), seconds=5, patience=20)
        self.assertEqual((found["slab"], found["settled"]), (4_000_000, False))
        self.assertEqual(waits, [5] * 4)

    def test_ignores_what_cannot_be_read(self):
        readings = [reading(1, socket=None), reading(1, socket=5)]
        self.assertTrue(account.settle(lambda: readings.pop(0), sleep=id)["settled"])


def taken(**changes):
    kinds = {"resident": 0, "page_tables": 0, "kernel_stack": 0, "slab": 0, "socket": 0}
    rest = {"processes": 0, "free": 0, "slab_by_cache": None, "proc_inodes": None}
    rest["slab_in_use"] = None
    rest |= {"resident_by_pid": {}, "page_tables_by_pid": {}}
    return {**kinds, **rest, **changes}


class Difference(unittest.TestCase):
    BEFORE = taken(
        processes=1_000, free=90_000, slab=500, slab_in_use=400, slab_by_cache={"TCP": 100},
        resident_by_pid={7: 100},
    )  # fmt: skip
    AFTER = taken(
        processes=5_300, free=10_000, slab=20_500, slab_in_use=19_400,
        kernel_stack=16_000, socket=300,
        page_tables_by_pid={8: 200},
        slab_by_cache={"TCP": 10_100, "filp": 50}, resident_by_pid={7: 1_100, 8: 2_000},
    )  # fmt: skip

    def test_is_per_connection_and_of_every_process(self):
        found = account.difference(self.BEFORE, self.AFTER, 10, threads=10)
        self.assertEqual(found["resident"], 300)  # 1,000 of 7, and 8 was not there before
        self.assertEqual(found["resident_by_pid"], {7: 100, 8: 200})
        self.assertEqual((found["slab"], found["slab_in_use"]), (2_000, 1_900))
        self.assertEqual(found["slab_by_cache"], {"TCP": 1_000, "filp": 5})
        self.assertEqual(found["free_lost"], 8_000)
        self.assertEqual(found["others"], 110)  # 4,300 of all, less 3,000 and 200
        self.assertEqual(found["unexplained"], 8_000 - (300 + 20 + 1_600 + 2_000 + 30 + 110))
        self.assertEqual(found["unexplained_per_thread"], found["unexplained"])
        self.assertIsNone(account.difference(self.BEFORE, self.AFTER, 10)["unexplained_per_thread"])

    def test_names_of_proc_are_apart_from_slab_and_not_unexplained(self):
        before = {**self.BEFORE, "proc_inodes": 100}
        found = account.difference(before, {**self.AFTER, "proc_inodes": 900}, 10)
        self.assertEqual((found["slab"], found["proc_inodes"]), (1_920, 80))
        plain = account.difference(self.BEFORE, self.AFTER, 10)
        self.assertEqual(found["unexplained"], plain["unexplained"])

    def test_nothing_is_explained_by_what_could_not_be_read(self):
        after = {**self.AFTER, "socket": None, "slab_by_cache": None}
        found = account.difference(self.BEFORE, after, 10, threads=1)
        for key in ("socket", "unexplained", "unexplained_per_thread", "slab_by_cache"):
            self.assertIsNone(found[key], key)
        self.assertEqual(found["slab"], 2_000)


class Slopes(unittest.TestCase):
    def test_leave_out_the_fixed_part(self):
        points = [(n, taken(slab=700_000 + 8_100 * n, socket=None)) for n in (10, 30, 100)]
        found = account.slopes(points)
        self.assertAlmostEqual(found["slab"], 8_100)
        self.assertAlmostEqual(found["resident"], 0)
        self.assertIsNone(found["socket"])
        self.assertNotIn("slab_by_cache", {key for key, value in found.items() if value})

    def test_are_those_of_least_squares(self):
        # Residuals of 1, -2 and 1 leave the line as it is.
        points = [(1, taken(slab=11)), (2, taken(slab=18)), (3, taken(slab=31))]
        self.assertAlmostEqual(account.slopes(points)["slab"], 10)

    def test_one_number_of_connections_has_none(self):
        points = [(10, taken(slab=5)), (10, taken(slab=7))]
        self.assertIsNone(account.slopes(points)["slab"])


class Table(unittest.TestCase):
    FOUND = {
        "resident": 1_740.0, "page_tables": 4.0, "kernel_stack": 0.0, "slab": 8_181.0,
        "slab_in_use": 8_019.0,
        "socket": None, "proc_inodes": 900.0, "others": 12.0, "unexplained": 30_000.0,
        "free_lost": 41_000.0,
    }  # fmt: skip
    EXPECTED = {
        "resident": 1_700, "page_tables": 4, "kernel_stack": 0, "slab": 8_100, "socket": 0,
        "send_fragment": {"least": 0, "most": 32_768}, "all": {"least": 9_804, "most": 40_000},
    }  # fmt: skip

    def test_compares_each_kind(self):
        self.assertEqual(
            account.table(self.FOUND, {"total": {"per_connection": self.EXPECTED}}),
            [
                "per connection              measured           forecast  difference",
                "resident                     1,740 B            1,700 B      +2.4 %",
                "page tables                      4 B                4 B           -",
                "kernel stack                     0 B                0 B           -",
                "slab                         8,181 B            8,100 B      +1.0 %",
                "slab in use                  8,019 B            8,100 B      -1.0 %",
                "socket                             -                0 B           -",
                "names of /proc                 900 B                  -           -",
                "other programs                  12 B                  -           -",
                "send fragment, unexplained  30,000 B      0 to 32,768 B      within",
                "in all, free memory lost    41,000 B  9,804 to 40,000 B      +2.5 %",
            ],
        )

    def test_of_a_difference_the_fixed_part_is_forecast_too(self):
        in_all = {name: {end: one * 10 for end, one in size.items()} if isinstance(size, dict) else
                  size * 10 + 500 for name, size in self.EXPECTED.items()}  # fmt: skip
        total = {"per_connection": self.EXPECTED, "in_all": in_all}
        lines = account.table({**self.FOUND, "connections": 10}, {"total": total})
        self.assertIn("resident                     1,740 B            1,750 B      -0.6 %", lines)

    def test_stands_without_a_forecast(self):
        lines = account.table(self.FOUND)
        self.assertEqual(len(lines), 11)
        self.assertIn("slab                         8,181 B         -           -", lines)


class Forecast(unittest.TestCase):
    def limits(self, script):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = pathlib.Path(folder.name) / "limits"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return folder.name

    def test_is_that_of_limits_also_where_a_limit_is_too_low(self):
        folder = self.limits("""echo "{\\"forecast\\": \\"$*\\"}"; exit 3""")
        self.assertEqual(
            account.forecast(5, "prefork", ["--workers", 2], folder),
            "-n 5 --ends both --json --model prefork -- --workers 2",
        )
        self.assertEqual(
            account.forecast(5, "prefork", (), folder, ends="client"),
            "-n 5 --ends client --json",
        )

    def test_fails_with_one_line(self):
        for script, said in (
            ("echo limits: no such model >&2; exit 2", "ended with 2: limits: no such model"),
            ("echo '{}'", "wrote no forecast"),
            ("echo nonsense", "wrote no forecast"),
        ):
            with self.assertRaisesRegex(account.NoForecast, said):
                account.forecast(5, "prefork", (), self.limits(script))
        with self.assertRaises(account.NoForecast):
            account.forecast(5, "prefork", (), "/nonexistent")


if __name__ == "__main__":
    unittest.main()
