// The lines of --emit, whole.
#include "limits/program/emit.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limits {
namespace {

const Question question{10'000, "thread-per-connection",
                        "echo_threads --model thread-per-connection"};

std::vector<Verdict> verdicts() {
  return {{"open files", "RLIMIT_NOFILE, hard", 9'000, 10'016, Status::short_, 8'985,
           "ulimit -n 10016 in a new shell"},
          {"process ids", "/proc/sys/kernel/pid_max", 4'000, 10'002, Status::short_, 3'999,
           "sudo sysctl -w kernel.pid_max=11000"},
          {"memory maps", "/proc/sys/vm/max_map_count", 65'530, 20'100, Status::ok, 32'716, ""},
          {"threads, machine", "/proc/sys/kernel/threads-max", std::nullopt, 10'002,
           Status::unknown, std::nullopt, ""},
          {"local ports", "/proc/sys/net/ipv4/ip_local_port_range (half of it)", 14'116, 20'000,
           Status::short_, 14'117, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'"}};
}

Ceilings ceilings() {
  Ceilings here;
  here.nr_open = Ceiling{1'048'576, "/proc/sys/fs/nr_open"};
  here.processes_used = 40;
  return here;
}

TEST(Emit, AUnitStatesTheLimitsOfItsOwnProcesses) {
  EXPECT_EQ(
      emit(EmitTo::systemd, question, verdicts(), ceilings()),
      "# 10,000 connections, echo_threads --model thread-per-connection\n"
      "# in a unit: systemctl edit NAME.service\n"
      "[Service]\n"
      "LimitNOFILE=10016\n"
      "LimitNPROC=10042\n"
      "TasksMax=10002\n"
      "# needed too: process ids: need 10002, have 4000 (/proc/sys/kernel/pid_max): sudo sysctl "
      "-w kernel.pid_max=11000\n"
      "# needed too: local ports: need 20000, have 14116 (/proc/sys/net/ipv4/ip_local_port_range "
      "(half of it)): sysctl -w net.ipv4.ip_local_port_range='1024 65535'\n");
}

TEST(Emit, ALoginCountsWhatTheUserRunsAlreadyAndNamesRootApart) {
  EXPECT_EQ(
      emit(EmitTo::limits_d, question, verdicts(), ceilings()),
      "# 10,000 connections, echo_threads --model thread-per-connection\n"
      "# /etc/security/limits.d/90-echo-testbed.conf; in force from the next login on\n"
      "* soft nofile 10016\n"
      "* hard nofile 10016\n"
      "root soft nofile 10016\n"
      "root hard nofile 10016\n"
      "* soft nproc 10042\n"
      "* hard nproc 10042\n"
      "# needed too: process ids: need 10002, have 4000 (/proc/sys/kernel/pid_max): sudo sysctl "
      "-w kernel.pid_max=11000\n"
      "# needed too: local ports: need 20000, have 14116 (/proc/sys/net/ipv4/ip_local_port_range "
      "(half of it)): sysctl -w net.ipv4.ip_local_port_range='1024 65535'\n");
}

TEST(Emit, SysctlsAreThoseOfTheCommandsAndTheOthersAreComments) {
  EXPECT_EQ(
      emit(EmitTo::sysctl_d, question, verdicts(), ceilings()),
      "# 10,000 connections, echo_threads --model thread-per-connection\n"
      "# /etc/sysctl.d/90-echo-testbed.conf; in force after sysctl --system\n"
      "# fs.nr_open = 1048576 suffices (needed: 10016)\n"
      "kernel.pid_max = 11000\n"
      "# kernel.threads-max could not be read\n"
      "# vm.max_map_count suffices: 65,530 left (needed: 20,100)\n"
      "net.ipv4.ip_local_port_range = 1024 65535\n"
      "# needed too: open files: need 10016, have 9000 (RLIMIT_NOFILE, hard): ulimit -n 10016 in "
      "a new shell\n");
}

TEST(Emit, RaisesNrOpenWhereItBoundsTheLimit) {
  Ceilings low = ceilings();
  low.nr_open->value = 4'096;
  EXPECT_NE(emit(EmitTo::sysctl_d, question, verdicts(), low).find("\nfs.nr_open = 10016\n"),
            std::string::npos);
}

TEST(Emit, NeverStatesMoreThanTheKernelAccepts) {
  auto rows = verdicts();
  rows.front().need = 3'000'000'000;
  EXPECT_NE(emit(EmitTo::sysctl_d, question, rows, ceilings())
                .find("\n# fs.nr_open: needed 3000000000, more than the kernel accepts\n"),
            std::string::npos);
}

TEST(Emit, SysctlsIncludeConnectionTracking) {
  auto rows = verdicts();
  rows.push_back({"tracked connections", "/proc/sys/net/netfilter/nf_conntrack_max", 5'536, 10'000,
                  Status::warn, std::nullopt,
                  "sudo sysctl -w net.netfilter.nf_conntrack_max=75000"});
  const std::string text = emit(EmitTo::sysctl_d, question, rows, ceilings());
  EXPECT_NE(text.find("\nnet.netfilter.nf_conntrack_max = 75000\n"), std::string::npos) << text;
}

TEST(Emit, StatesLimitsInBytesWhereTheyAreTooLow) {
  auto rows = verdicts();
  rows.push_back({"address space", "RLIMIT_AS, soft", 1'000, 84'000'001, Status::short_, 1,
                  "ulimit -v", true});
  rows.push_back(
      {"cgroup memory", "memory.max", 1'000, 70'000'000, Status::short_, 1, "echo", true});
  const std::string unit = emit(EmitTo::systemd, question, rows, ceilings());
  EXPECT_NE(unit.find("\nLimitAS=84000001\nMemoryMax=70000000\n"), std::string::npos) << unit;
  const std::string login = emit(EmitTo::limits_d, question, rows, ceilings());
  EXPECT_NE(login.find("\n* - as 82032\n"), std::string::npos) << login;
  EXPECT_NE(login.find("\n# needed too: cgroup memory: "), std::string::npos) << login;
}

TEST(Emit, StatesWhatNoSettingLifts) {
  auto rows = verdicts();
  EXPECT_FALSE(has_unliftable(rows));
  rows.push_back(
      {"descriptor numbers", "FD_SETSIZE, select(2)", 1'024, 10'016, Status::short_, 1'009, ""});
  EXPECT_TRUE(has_unliftable(rows));
  for (const EmitTo where : {EmitTo::systemd, EmitTo::limits_d, EmitTo::sysctl_d}) {
    const std::string text = emit(where, question, rows, ceilings());
    EXPECT_NE(text.find("\n# cannot be lifted: descriptor numbers: need 10016, have 1024"),
              std::string::npos)
        << text;
  }
}

}  // namespace
}  // namespace limits
