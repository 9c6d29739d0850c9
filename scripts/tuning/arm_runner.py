"""One run of one arm: creates a namespace, writes its settings, runs the programs in it and removes
it."""

import contextlib

from experiment import run_record, runs

from . import feasibility, namespace


class ArmRunner:
    """A callable that session.carry_out calls for each planned run. `journal`: an open journal;
    arms with host settings need it. `earlier`: the settings that earlier runs read back."""

    def __init__(self, experiment, binaries, folder, journal=None, earlier=None):
        self.experiment, self.binaries, self.folder = experiment, binaries, folder
        self.journal = journal
        self.arms = {arm.name: arm for arm in experiment.arms}
        self.settings = earlier or {}  #: {arm: {setting: value read back}}; "a / b": two values

    def __call__(self, planned):
        arm = self.arms[planned.cell["arm"]]
        try:
            with namespace.Network(self.experiment.topology) as network:
                found = network.sysctl(arm.sysctl, feasibility.names_of(self.experiment))
                with self.host_settings(arm):
                    run = self.measure(planned, arm, network)
                    found |= self.check_host(arm, run)
            self.record_settings(arm.name, found)
            return run
        except namespace.Refused as error:
            return self.not_measured(planned, "infeasible", error)
        except namespace.NoNamespace as error:
            return self.not_measured(planned, "failed", error)
        except HostRefused as error:
            return self.not_measured(planned, "infeasible", error)

    def measure(self, planned, arm, network):
        spec = runs.Spec(
            cell=planned.cell,
            server=self.experiment.server,
            client=[*self.experiment.client, *arm.client, *network.client_options],
            server_arguments=[*arm.server, *network.server_options],
            server_prefix=tuple(network.server.prefix),
            client_prefix=tuple(network.client.prefix),
            target=network.target,
            environment=arm.environment or None,
        )
        where = planned.run, planned.block, planned.place
        return runs.run(self.binaries, self.folder, spec, *where)

    @contextlib.contextmanager
    def host_settings(self, arm):
        if not arm.host:
            yield
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.journal.changed(arm.host))
            except OSError as error:
                values = ", ".join(f"{name} = {value}" for name, value in arm.host.items())
                raise HostRefused(f"{values}: {error.strerror}") from error
            yield

    def check_host(self, arm, run):
        """The host settings at the run's end. A run fails if another process changed one."""
        found = {name: self.journal.host.read(name) for name in arm.host}
        for name, value in found.items():
            if value != arm.host[name]:
                run.outcome = "failed"
                run.why = f"another process set {name} to {value} during the run"
        return found

    def record_settings(self, arm, found):
        known = self.settings.setdefault(arm, {})
        for name, value in found.items():
            if known.setdefault(name, value) != value:
                known[name] = f"{known[name]} / {value}"

    @staticmethod
    def not_measured(planned, outcome, why):
        return run_record.Run(
            *(planned.run, planned.block, planned.place, dict(planned.cell), outcome),
            why=str(why),
            began=run_record.now(),
            documents={"client": None, "server": None, "series": None},
        )


class HostRefused(Exception):
    """The kernel refuses the value of a host setting."""
