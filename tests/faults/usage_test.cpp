// Invalid command lines (fault 19), and targets that are not allowed (safety): one line each, and
// no connect at all.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <fstream>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace faults {
namespace {

/// From here on a connect(2) ends the program, by SIGSYS.
void die_on_connect() {
  constexpr auto number = static_cast<unsigned>(SYS_connect);
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{4, program};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

struct Row {
  const char* name;
  Words arguments;
  int code;
  const char* error;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

const Row rows[] = {
    {"NegativeConnections", {"-n", "-1"}, 2, "\"-1\""},
    {"ConnectionsWithALetter", {"-n", "9E"}, 2, "\"9E\" is not a count: digits"},
    {"NoConnections", {"-n", "0"}, 2, "\"0\": from 1 to"},
    {"ConnectionsWithoutNumber", {"-n"}, 2, "--connections"},
    {"MoreConnectionsThanSixtyFourBitsHold", {"-n", "99999999999999999999"}, 2, "too large"},
    {"NoBytes", {"--size", "0"}, 2, "\"0\": bytes from 1 to 1G"},
    {"NoMessages", {"-m", "0"}, 2, "\"0\": from 1 to"},
    {"TextAndSize", {"--data", "x", "--size", "5"}, 2, "--size"},
    {"NoText", {"--data", ""}, 2, "--data"},
    {"TextAndFile", {"--data", "x", "--data-file", "/proc/self/comm"}, 2, "--data"},
    {"FileAndSize", {"--data-file", "/proc/self/comm", "-s", "5"}, 2, "--data-file"},
    {"NoSuchFile", {"--data-file", "/no/such/file"}, 2, "/no/such/file: No such file"},
    {"FolderAsFile", {"--data-file", "/proc"}, 2, "--data-file: /proc: a folder, not a file"},
    {"DeviceAsFile", {"--data-file", "/dev/zero"}, 2, "/dev/zero: not a regular file"},
    {"StartInThePast", {"--start-at", "@5"}, 2, "--start-at: a time in the future; this one was"},
    {"SourceOfAnotherMachine", {"127.0.0.1", "--source", "192.0.2.7"}, 2, "192.0.2.7 is not an"},
    {"SourceNetworkOfAnother",
     {"127.0.0.1", "--source", "127.0.0.2,192.0.2.0/24"},
     2,
     "192.0.2.0 is not an address of this machine"},
    {"SourceOfTheOtherFamily", {"127.0.0.1", "--source", "::1"}, 2, "--source: ::1 cannot reach"},
    {"SourcesOfBothFamilies", {"127.0.0.1", "--source", "::1,127.0.0.1"}, 2, "not of both"},
    {"NoRate", {"-R", "0"}, 2, "--rate"},
    {"RateInWords", {"-R", "many"}, 2, "--rate"},
    {"NoTimeout", {"--timeout", "0"}, 2, "a duration above 0"},
    {"TimeoutInParsecs", {"--timeout", "3pc"}, 2, "a duration: digits"},
    {"NobodysProcess", {"--server-pid", "4194304"}, 2, "there is no process 4194304"},
    {"NegativeProcess", {"--server-pid", "-4"}, 2, "--server-pid"},
    {"ProgressSometimes", {"--progress", "sometimes"}, 2, "--progress"},
    {"UnknownOption", {"--no-such-option"}, 2, "--no-such-option"},
    {"SecondTarget", {"127.0.0.1", "127.0.0.2"}, 2, "127.0.0.2"},
    {"PortTooHigh", {"127.0.0.1:65536"}, 2, "a whole number from 0 to 65535"},
    {"PortInWords", {"127.0.0.1:http"}, 2, "a whole number from 0 to 65535"},
    {"PortMissing", {"127.0.0.1:"}, 2, "a whole number from 0 to 65535"},
    {"BracketOpen", {"[::1:1234"}, 2, "[ADDR]:PORT"},
    {"NoNetwork", {"192.0.2.1:9", "--allow-remote", "everything"}, 2, "10.0.0.0/8"},
    {"HostMissing", {"-host"}, 2, "-host"},
    {"OutsideLoopback", {"192.0.2.1:9"}, 6, "--allow-remote 192.0.2.1/32"},
    {"OutsideLoopbackIPv6", {"[2001:db8::1]:9"}, 6, "--allow-remote 2001:db8::1/128"},
    {"OutsideLoopbackAndNetwork",
     {"192.0.2.1:9", "--allow-remote", "10.0.0.0/8"},
     6,
     "192.0.2.1:9"},
    {"AllOfThisMachine", {"0.0.0.0:9"}, 6, "0.0.0.0:9"},
};

class Refused : public ::testing::TestWithParam<Row> {};

TEST_P(Refused, InOneLineAndWithoutAConnect) {
  const Ended ended = Program("client", GetParam().arguments, die_on_connect).end();
  EXPECT_EQ(ended.code, GetParam().code) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_TRUE(ended.err.starts_with("client: ")) << ended.err;
  EXPECT_NE(ended.err.find(GetParam().error), std::string::npos) << ended.err;
}

INSTANTIATE_TEST_SUITE_P(CommandLines, Refused, ::testing::ValuesIn(rows),
                         [](const auto& info) { return info.param.name; });

TEST(Refused, IsCheckedByAGuardThatWorks) {
  Liar server{honest};
  const Ended ended = Program("client", {server.target(), "-n", "1"}, die_on_connect).end();
  EXPECT_EQ(ended.code, -SIGSYS) << "an allowed run connects, and the guard ends it";
}

TEST(StartAt, AsAShellComputesItIsNotYetThePast) {
  Liar server{honest};
  const std::string now = "@" + std::to_string(std::time(nullptr));
  EXPECT_EQ(run_client(server.target(), {"-n", "1", "--start-at", now}).code, 0);
}

TEST(DataFile, IsSentAsItIs) {
  const limits::fixtures::FixtureTree tree;
  const std::string path = (tree.root() / "data").string();
  const std::string bytes("\0\xff\r\n\xc3(\x1b[0m\0", 11);
  std::ofstream(path) << bytes;
  std::string seen;
  Liar server{[&](Peer& peer) {
    const Bytes got = peer.receive(bytes.size());
    for (const std::byte byte : got) seen += static_cast<char>(byte);
    peer.send(got);
    peer.await_fin();
  }};
  const Report report = run_client(server.target(), {"-n", "1", "--data-file", path});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(seen, bytes);
  EXPECT_EQ(report.count("/echoes/bytes_verified"), bytes.size());
  EXPECT_EQ(report.document.at_pointer("/options/data-file").as_string(), path);
}

TEST(DataFile, OfNoBytesIsRefused) {
  const limits::fixtures::FixtureTree tree;
  std::ofstream(tree.root() / "data") << "";
  const Ended ended = Program("client", {"--data-file", (tree.root() / "data").string()}).end();
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("data: empty"), std::string::npos) << ended.err;
}

// Bug: a report gave another process's CPU and memory as the server's, without a word.
TEST(ServerPid, OfAProcessThatDoesNotListenIsAWarning) {
  Server server;
  Server idle;
  const std::string other = std::to_string(idle.program().pid());
  const Report wrong = run_client(server.target(), {"-n", "2", "--server-pid", other});
  EXPECT_EQ(wrong.code, 0);
  EXPECT_TRUE(wrong.warns("listens at " + server.target() + ", process " +
                          std::to_string(server.program().pid()) + " (echo_threads) does"))
      << wrong.out;
  const std::string own = std::to_string(server.program().pid());
  EXPECT_FALSE(run_client(server.target(), {"-n", "2", "--server-pid", own}).warns("--server-pid"));
}

TEST(ServerPid, MayBeThatOfTheListenersParent) {
  Liar server{honest};  // this process listens
  const std::string parent = std::to_string(::getppid());
  const Report report = run_client(server.target(), {"-n", "2", "--server-pid", parent});
  EXPECT_FALSE(report.warns("--server-pid")) << report.out;
}

TEST(UnknownHost, IsANetworkError) {
  const Ended ended = Program("client", {"no-such-host.invalid", "-n", "1"}).end();
  EXPECT_EQ(ended.code, 4);
  EXPECT_NE(ended.err.find("resolve no-such-host.invalid: "), std::string::npos) << ended.err;
}

TEST(AncestorsSpelling, RunsAsItDid) {
  Liar server{honest};
  const Ended ended = Program("client", {"-host", server.target(), "-n=7", "-data", "hello"}).end();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(ended.out.starts_with("Max conc: 7\ntotal: 7\nconc: 0\n")) << ended.out;
}

TEST(Help, GoesToStdoutAndIsAPass) {
  for (const char* spelling : {"-h", "--help"}) {
    const Ended ended = Program("client", {spelling}).end();
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.err, "");
    EXPECT_NE(ended.out.find("--connections"), std::string::npos);
  }
}

}  // namespace
}  // namespace faults
