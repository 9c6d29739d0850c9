"""An experiment's TOML file, read and checked before anything runs. Pure except for the reading.

docs/tuning.md describes the keys; scripts/experiments/ holds the shipped files. The first arm is
the control. An error is one line: the file, the key and what is allowed.

    experiment = spec.read(spec.find("backlog"))
    experiment.arms[1].sysctl     {"net.core.somaxconn": "128"}
"""

import dataclasses
import difflib
import pathlib
import re
import tomllib

from . import host, namespace

PRESETS = pathlib.Path(__file__).resolve().parents[1] / "experiments"
DEFAULT_REPS = 10
MOST_REPS = 200
#: Options that scripts/tune sets for every run.
OWN_SERVER = ("-p", "--port", "--bind", "--allow-public", "--ready-fd", "--json", "--stats")
OWN_CLIENT = ("--json", "--server-pid", "--allow-remote", "--series", "--progress", "-q", "--quiet")
SERVERS = ("echo_threads", "echo_async")
RATE = r"[0-9]+(\.[0-9]+)?[kmg]?bit"
LATENCY = r"[0-9]+(\.[0-9]+)?(us|ms|s)"
BURST = r"[0-9]+(kb|mb|b)?"


class SpecError(Exception):
    """One line: the file, the key, and what is allowed."""


@dataclasses.dataclass(frozen=True)
class Arm:
    name: str
    server: tuple = ()
    client: tuple = ()
    sysctl: dict = dataclasses.field(default_factory=dict)  #: in the run's own namespace
    host: dict = dataclasses.field(default_factory=dict)  #: host-wide, only with --apply
    environment: dict = dataclasses.field(default_factory=dict)  #: of the server
    #: If the kernel lacks a setting, an optional arm is infeasible; otherwise the file is refused.
    optional: bool = False

    def as_words(self):
        """What the arm sets, as text."""
        words = [" ".join(self.server)] if self.server else []
        words += [f"client {' '.join(self.client)}"] if self.client else []
        for values in (self.sysctl, self.host, self.environment):
            words += [f"{name} = {value}" for name, value in values.items()]
        return ", ".join(words) or "the defaults"


@dataclasses.dataclass(frozen=True)
class Experiment:
    file: str
    name: str
    question: str
    varies: str
    expects: str
    source: str
    primary: str
    server: str
    client: tuple
    arms: tuple
    topology: namespace.Topology = namespace.Topology()
    figures: tuple = ()  #: shown in addition to the primary one
    reps: int = DEFAULT_REPS
    cool_down: float = 0.0

    @property
    def control(self):
        return self.arms[0]

    @property
    def sysctls(self):
        """Names of the sysctls that at least one arm sets."""
        return sorted({name for arm in self.arms for name in arm.sysctl})

    @property
    def host_settings(self):
        return sorted({name for arm in self.arms for name in arm.host})


def presets():
    return sorted(PRESETS.glob("*.toml"))


def find(name):
    """The file of NAME or FILE.toml. Raises SpecError."""
    if name.endswith(".toml") or "/" in name:
        return pathlib.Path(name)
    file = PRESETS / f"{name}.toml"
    if file.is_file():
        return file
    known = [preset.stem for preset in presets()]
    near = difflib.get_close_matches(name, known, 1)
    meant = f"; did you mean {near[0]}?" if near else f"; shipped: {', '.join(known)}"
    raise SpecError(f"{name}: no such experiment{meant} (your own file must end in .toml)")


def read(file, figures=None):
    """The Experiment in `file`. `figures`: the names allowed for figures."""
    try:
        with open(file, "rb") as opened:
            keys = tomllib.load(opened)
    except OSError as error:
        raise SpecError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: not TOML: {error}") from error
    return Reader(str(file), figures).experiment(keys)


class Reader:
    """Reads the keys of a table, checks their types and refuses unknown keys."""

    def __init__(self, file, figures=None):
        self.file, self.figures = file, figures

    def bad(self, key, allowed):
        raise SpecError(f"{self.file}: {key}: {allowed}")

    def experiment(self, keys):
        known = [field.name for field in dataclasses.fields(Experiment) if field.name != "file"]
        known = [{"arms": "arm"}.get(name, name) for name in known]
        known += ["sysctl", "host", "environment"]
        self.only(keys, known, "")
        shared = {kind: self.table(keys, kind, "") for kind in ("sysctl", "host", "environment")}
        name = self.text(keys, "name")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
            self.bad("name", f"'{name}': lower-case letters, digits and hyphens, at most 40")
        return Experiment(
            file=self.file,
            name=name,
            **{key: self.text(keys, key) for key in ("question", "varies", "expects", "source")},
            primary=self.figure(self.text(keys, "primary"), "primary"),
            server=self.server(keys),
            client=self.options(keys, "client", "", OWN_CLIENT),
            arms=self.arms(keys, shared),
            topology=self.topology(keys.get("topology", "loopback")),
            figures=tuple(self.figure(one, "figures") for one in self.texts(keys, "figures", "")),
            reps=self.number(keys, "reps", DEFAULT_REPS, 1, MOST_REPS, whole=True),
            cool_down=self.number(keys, "cool_down", 0.0, 0, 600),
        )

    # ---- keys ---------------------------------------------------------------------------------
    def only(self, keys, known, where):
        for key in keys:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                meant = f"did you mean {near[0]}? " if near else ""
                self.bad(f"{where}{key}", f"unknown key; {meant}allowed: {', '.join(known)}")

    def text(self, keys, key, where=""):
        value = keys.get(key)
        if not isinstance(value, str) or not value.strip():
            allowed = "must be a text that is not empty"
            self.bad(f"{where}{key}", "missing" if value is None else allowed)
        return " ".join(value.split())

    def texts(self, keys, key, where):
        value = keys.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.bad(f"{where}{key}", 'must be a list of texts, such as ["-n", "100"]')
        return tuple(value)

    def options(self, keys, key, where, own):
        words = self.texts(keys, key, where)
        for word in words:
            if word.partition("=")[0] in own:
                self.bad(f"{where}{key}", f"scripts/tune sets {word} itself; omit it")
        return words

    def number(self, keys, key, default, least, most, whole=False):
        value = keys.get(key, default)
        kind = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
            what = "a whole number" if whole else "seconds"
            self.bad(key, f"{value}: must be {what} from {least} to {most}")
        return value

    def figure(self, name, key):
        if self.figures is not None and name not in self.figures:
            near = difflib.get_close_matches(name, self.figures, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            self.bad(key, f"'{name}': no such figure; {meant}allowed: {', '.join(self.figures)}")
        return name

    def server(self, keys):
        server = self.text(keys, "server")
        words = server.split()
        if words[0].partition(":")[0] not in SERVERS:
            programs = ", ".join(SERVERS)
            self.bad("server", f"'{words[0]}': must be PROGRAM:MODEL, PROGRAM one of {programs}")
        for word in words[1:]:
            if word.partition("=")[0] in OWN_SERVER:
                self.bad("server", f"scripts/tune sets {word} itself; omit it")
        if words[1:] and ":" not in words[0]:
            self.bad("server", f"'{words[0]}': options need the model's name too: PROGRAM:MODEL")
        return server

    def topology(self, keys):
        table = {"kind": keys} if isinstance(keys, str) else keys
        if not isinstance(table, dict) or table.get("kind") not in ("loopback", "veth"):
            self.bad("topology", 'must be "loopback", "veth", or a table with kind = "veth"')
        self.only(table, ["kind", "rate", "latency", "burst"], "topology.")
        for key, form, such in (
            ("rate", RATE, "100mbit"),
            ("latency", LATENCY, "50ms"),
            ("burst", BURST, "64kb"),
        ):
            value = table.get(key)
            if value is None:
                continue
            if not isinstance(value, str) or not re.fullmatch(form, value):
                self.bad(f"topology.{key}", f"{value!r}: must be in tc's syntax, such as {such!r}")
            if table["kind"] == "loopback":
                self.bad(f"topology.{key}", 'needs kind = "veth", because loopback has no queue')
            if key != "rate" and "rate" not in table:
                self.bad(f"topology.{key}", "needs topology.rate")
        return namespace.Topology(**table)

    # ---- arms ---------------------------------------------------------------------------------
    def arms(self, keys, shared):
        tables = keys.get("arm")
        if not isinstance(tables, list) or len(tables) < 2:
            self.bad("arm", "needs two or more [[arm]] tables, the control first")
        arms = tuple(self.arm(table, at, shared) for at, table in enumerate(tables, 1))
        for at, arm in enumerate(arms, 1):
            for other in arms[: at - 1]:
                if arm.name == other.name:
                    self.bad(f"arm {at}: name", f"another arm has the name '{arm.name}' too")
                if dataclasses.replace(arm, name=other.name) == other:
                    self.bad(f"arm {at}", f"sets the same as arm '{other.name}'")
        for name in {name for arm in arms for name in arm.host}:
            if not all(name in arm.host for arm in arms):
                why = "each arm must set it, the control too, because hosts differ"
                self.bad(f"host.{name}", why)
        return arms

    def arm(self, table, at, shared):
        where = f"arm {at}: "
        if not isinstance(table, dict):
            self.bad(f"arm {at}", "must be a table, written [[arm]]")
        known = [field.name for field in dataclasses.fields(Arm)]
        self.only(table, known, where)
        values = {
            kind: {**shared[kind], **self.table(table, kind, where)}
            for kind in ("sysctl", "host", "environment")
        }
        name = self.text(table, "name", where)
        if len(name) > 40:
            self.bad(f"{where}name", "must have at most 40 characters")
        return Arm(
            name,
            self.options(table, "server", where, OWN_SERVER),
            self.options(table, "client", where, OWN_CLIENT),
            **values,
            optional=self.boolean(table, "optional", where),
        )

    def boolean(self, keys, key, where):
        value = keys.get(key, False)
        if not isinstance(value, bool):
            self.bad(f"{where}{key}", "must be true or false")
        return value

    def table(self, keys, kind, where):
        table = keys.get(kind, {})
        if not isinstance(table, dict):
            self.bad(f"{where}{kind}", "must be a table of names and values")
        check = getattr(self, f"check_{kind}")
        return {name: check(name, value, f"{where}{kind}.{name}") for name, value in table.items()}

    def value(self, value, key):
        if isinstance(value, dict):
            self.bad(key, 'quote a name that contains dots: "net.core.somaxconn" = 128')
        if isinstance(value, bool) or not isinstance(value, int | str) or "\n" in str(value):
            self.bad(key, "must be a whole number or a text on one line")
        return " ".join(str(value).split())

    def check_sysctl(self, name, value, key):
        text = self.value(value, key)
        if name in host.SETTINGS:
            self.bad(key, "host-wide: put it under host and run with --apply")
        if not re.fullmatch(r"net(\.[a-z0-9_-]+){2,}", name):
            allowed = ", ".join(host.SETTINGS)
            self.bad(key, f"not a network setting (net.*); allowed under host: {allowed}")
        return text

    def check_host(self, name, value, key):
        text = self.value(value, key)
        setting = host.SETTINGS.get(name)
        if setting is None:
            hint = "put network settings under sysctl" if name.startswith("net.") else "unknown"
            self.bad(key, f"{hint}; allowed under host: {', '.join(host.SETTINGS)}")
        if not setting.takes(text):
            self.bad(key, f"{text}: allowed: {setting.allowed()}")
        return text if setting.words else str(int(text))

    def check_environment(self, name, value, key):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            self.bad(key, "not a name of an environment variable")
        return self.value(value, key)
