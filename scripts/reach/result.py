"""What a run of scripts/million or scripts/threads found: the document, and the text."""

import account
from experiment import manifest
from experiment.command import SOURCE

from .progress import amount

SCHEMA = "echo-testbed-reach/1"
#: Bytes per connection of a slab cache that is kept in the document.
SMALLEST = 1


class Result:
    def __init__(self, plan, binaries, forecast):
        self.plan, self.forecast = plan, forecast
        self.manifest = manifest.take(binaries, SOURCE)
        self.before = None  #: account.snapshot of the server before the client began
        self.last = {}  #: the newest line of the client's series
        self.standing = None  #: that line, and the account, while all stood
        self.memory = None  #: bytes per connection by kind; None: the hold was too short
        self.free = None  #: bytes of free memory while all stood
        self.connecting_ended = self.echoes_ended = None  #: seconds since the client began
        self.closing_began = None
        self.client_closed = self.server_closed = None  #: seconds
        self.client = self.server = None  #: the programs' documents
        self.complaint = ""  #: the last line of the client's stderr
        self.interrupted = False

    # ---- while it runs --------------------------------------------------------------------------
    def saw(self, line):
        if not line:
            return
        seconds = line["at_ns"] / 1e9
        if line["phase"] != "connect" and self.connecting_ended is None:
            self.connecting_ended = seconds
        if line["phase"] in ("idle", "drain") and self.echoes_ended is None:
            self.echoes_ended = seconds
        if line["phase"] != "drain":
            self.last = line

    def stood(self, line, after):
        self.saw(line)
        connections = line["connected"]
        threads = connections if self.plan.program == "echo_threads" else 0
        self.standing, self.free = line, after.get("free")
        if connections:
            self.memory = account.difference(self.before, after, connections, threads)
            if self.memory["slab_by_cache"]:
                caches = self.memory["slab_by_cache"].items()
                self.memory["slab_by_cache"] = {
                    name: size for name, size in caches if abs(size) >= SMALLEST
                }

    # ---- what it says ---------------------------------------------------------------------------
    @property
    def established(self):
        if self.client:
            return self.client["connections"]["established"]
        return self.last.get("established", 0)

    @property
    def verified(self):
        if self.client:
            return self.client["echoes"]["verified"]
        return self.last.get("verified", 0)

    @property
    def failed(self):
        """By cause, without the connections that were left out to keep memory free."""
        if self.client is None:
            return {"unknown": self.last["failed"]} if self.last.get("failed") else {}
        failed = dict(self.client["connections"]["failed"])
        if self.left_out:
            del failed["not_attempted"]
        return failed

    @property
    def left_out(self):
        if self.client is None or not any("--keep-free" in text for text in self.client["warnings"]):
            return 0  # the client has the same cause for a server that never answers
        return self.client["connections"]["failed"].get("not_attempted", 0)

    @property
    def passed(self):
        """Every connection stood at once, with its echo verified, and was served to its end."""
        wanted = self.plan.connections
        return (
            self.client is not None
            and self.client["connections"]["served"] == wanted
            and self.client["connections"]["max_concurrent"] == wanted
        )

    def status(self):
        if self.interrupted:
            return "interrupted"
        if self.client is None:
            return "standing" if self.standing else "failed"
        return "pass" if self.passed else "fail"

    def document(self):
        plan = self.plan
        return {
            "schema": SCHEMA,
            "script": plan.name,
            "status": self.status(),
            "requested": plan.connections,
            "program": plan.program,
            "model": plan.model,
            "server_options": list(plan.server_options),
            "client_options": list(plan.client_options),
            "sysctls": plan.sysctls,
            "keep_free_bytes": plan.keep_free,
            "established": self.established,
            "verified": self.verified,
            "failed": self.failed,
            "left_out": self.left_out,
            "connecting_s": self.seconds("ramp", self.connecting_ended),
            "free_bytes": self.free,
            "memory_per_connection": self.memory,
            "forecast_per_connection": self.forecast,
            "cpu_ns_per_echo": self.cpu(),
            "closing": {"client_s": self.client_closed, "server_s": self.server_closed},
            "manifest": self.manifest,
            "client": self.client,
            "server": self.server,
        }

    def seconds(self, phase, seen):
        """From the client's document where it is there, else as the series showed it."""
        if self.client and self.client["phases"].get(phase):
            return self.client["phases"][phase]["ns"] / 1e9
        return seen

    def cpu(self):
        cpu = self.client["cpu"] if self.client else {}
        names = ("total_ns_per_echo", "client_ns_per_echo", "server_ns_per_echo")
        return {name: cpu.get(name) for name in names}

    # ---- text -----------------------------------------------------------------------------------
    def lines_while_standing(self):
        """What is complete before anything is closed."""
        plan = self.plan
        words = [plan.program, "--model", plan.model, *plan.server_options]
        lines = [
            f"server       {' '.join(words)}",
            f"established  {self.established:,} of {plan.connections:,}"
            + (" at once" if self.standing else ""),
            f"echoes       {self.verified:,} verified, one on each connection",
        ]
        if self.free is not None:
            lines.append(
                f"free memory  {amount(self.free)} left, floor {amount(plan.keep_free)} (--keep-free)"
            )
        if self.memory is None:
            return [*lines, "memory       not measured: the connections did not stand long enough"]
        return [*lines, "", *account.table(self.memory, self.forecast)]

    def times(self):
        parts = []
        for name, phase, count in (
            ("connecting", "ramp", self.established),
            ("echoes", "measured", self.verified),
        ):
            seconds = self.seconds(phase, None)
            if seconds:
                parts.append(f"{name} {seconds:.1f} s ({count / seconds:,.0f}/s)")
        return [f"times        {', '.join(parts)}"] if parts else []

    def lines_at_the_end(self):
        lines = ["", *self.times()]
        cpu = self.cpu()
        if cpu["total_ns_per_echo"] is not None:
            lines.append(
                "CPU          {:.1f} us per echo of the burst: client {:.1f}, server {:.1f}".format(
                    *((cpu[name] or 0) / 1e3 for name in cpu)
                )
            )
        if self.client_closed is not None:
            lines.append(f"closing      {self.client_closed:.1f} s, the server {self.server_closed:.1f} s")
        set_ = ", ".join(f"{name}={value}" for name, value in self.plan.sysctls.items())
        lines.append(f"settings     {set_ + ' for this run' if set_ else 'none was changed'}")
        lines += [f"failed       {count:,} {cause}" for cause, count in self.failed.items()]
        if self.left_out:
            lines.append(f"left out     {self.left_out:,}: free memory came to the floor (--keep-free)")
        if self.client:
            lines += [f"warning      {text}" for text in self.client["warnings"]]
        served = self.client["connections"]["served"] if self.client else 0
        verdict = {"pass": "PASS", "interrupted": "INTERRUPTED"}.get(self.status(), "FAIL")
        why = f"{served:,} of {self.plan.connections:,} served"
        if self.client is None and self.complaint:
            why += f"; the client: {self.complaint}"
        return [*lines, f"{verdict}: {why}"]
