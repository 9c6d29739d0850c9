// The servers as a user sees them: what they print when they are stopped, and their exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <tuple>
#include <vector>

#include "echo/exit_code.hpp"
#include "tests/programs/process.hpp"

namespace programs {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Server : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static std::vector<std::string> words(std::vector<std::string> more = {}) {
    more.insert(more.begin(), GetParam());
    return more;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Server, ::testing::Values("echo_threads", "echo_async"),
                         [](const auto& info) { return std::string(info.param); });

/// Opens three connections together and closes them.
void serve_three(const RunningServer& server) {
  const echo::Descriptor three[] = {server.connect(), server.connect(), server.connect()};
}

/// The first five lines, with the only number that varies replaced.
std::string ancestors_block(const std::string& out) {
  std::size_t end = 0;
  for (int line = 0; line < 5 && end != std::string::npos; ++line) {
    end = out.find('\n', end);
    if (end != std::string::npos) ++end;
  }
  return std::regex_replace(out.substr(0, end), std::regex("resident [1-9][0-9]*K\n"),
                            "resident <n>K\n");
}

TEST_P(Server, PrintsItsAncestorsLinesByteForByteWhenStopped) {
  for (const int number : {SIGINT, SIGTERM}) {
    RunningServer server{words()};
    serve_three(server);
    server.process().signal(number);
    const Ended ended = server.process().wait();
    EXPECT_EQ(ended.code, echo::exit_pass) << ended.err;
    EXPECT_EQ(ancestors_block(ended.out),
              "EXITING\nresident <n>K\nMax conc: 3\nTotal: 3\nNow: 0\n");
    EXPECT_EQ(ended.out.find("EXITING", 1), std::string::npos) << "once";
    EXPECT_EQ(ended.err, "") << "no errors";
  }
}

TEST_P(Server, DrainsOpenConnectionsWhenStopped) {
  RunningServer server{words()};
  const echo::Descriptor idle = server.connect();
  server.process().signal(SIGTERM);
  const Ended ended = server.process().wait();
  EXPECT_EQ(ended.code, echo::exit_pass);
  EXPECT_THAT(ended.out, HasSubstr("Max conc: 1\nTotal: 1\nNow: 0\n"));
}

TEST_P(Server, IsForcedByASecondSignalAndReportsWhatWasOpen) {
  for (const int number : {SIGINT, SIGTERM}) {
    RunningServer server{words({"--drain-timeout", "1h", "--sndbuf", "1"})};
    const echo::Descriptor holder = server.connect_and_never_read();
    server.process().signal(number);
    ASSERT_TRUE(
        server.drains());  // of two pending signals, the kernel delivers the lower number first
    server.process().signal(number == SIGINT ? SIGTERM : SIGINT);
    const Ended ended = server.process().wait();
    EXPECT_EQ(ended.code, echo::exit_signal + number) << "the code is that of the first signal";
    EXPECT_THAT(ended.out, Not(HasSubstr("Now: 0\n")));  // a probe of drains() may be counted too
  }
}

TEST_P(Server, IsForcedWhenTheDrainTakesTooLong) {
  RunningServer server{words({"--drain-timeout", "100ms", "--sndbuf", "1"})};
  const echo::Descriptor holder = server.connect_and_never_read();
  server.process().signal(SIGINT);
  const Ended ended = server.process().wait();
  EXPECT_EQ(ended.code, echo::exit_signal + SIGINT);
  EXPECT_THAT(ended.out, HasSubstr("Now: 1\n"));
}

TEST_P(Server, WritesItsPortToTheGivenDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const echo::Descriptor read{ends[0]};
  echo::Descriptor write{ends[1]};
  RunningServer server{words({"--ready-fd", std::to_string(write.get())})};
  write.reset();
  char text[16] = "";
  std::string line;
  for (ssize_t n; (n = ::read(read.get(), text, sizeof text)) > 0;)
    line.append(text, static_cast<std::size_t>(n));
  EXPECT_EQ(line, std::to_string(server.port()) + "\n") << "the descriptor is closed after that";
}

TEST_P(Server, PrintsOneJsonDocumentAndNothingElse) {
  RunningServer server{words({"--json", "-", "--buffer-size", "4K"})};
  serve_three(server);
  server.process().signal(SIGTERM);
  const Ended ended = server.process().wait();
  EXPECT_EQ(ended.code, echo::exit_pass);

  const json::value document = json::parse(ended.out);  // throws unless there is exactly one
  EXPECT_EQ(document.at("schema"), "echo-testbed/1");
  EXPECT_EQ(document.at("protocol"), "echo");
  EXPECT_FALSE(document.at("model").as_string().empty());
  const json::value& connections = document.at("connections");
  EXPECT_EQ(connections.at("accepted"), 3);
  EXPECT_EQ(connections.at("closed"), 3);
  EXPECT_EQ(connections.at("open_at_stop"), 0);
  EXPECT_EQ(connections.at("max_concurrent"), 3);
  EXPECT_THAT(connections.at("shed").as_object(), IsEmpty());
  EXPECT_EQ(document.at("messages").at("count"), 3);
  EXPECT_EQ(document.at("messages").at("bytes"), 3);
  ASSERT_EQ(document.at("workers").as_array().size(), 1U);
  EXPECT_EQ(document.at("workers").at(0).at("accepted"), 3);
  EXPECT_EQ(document.at("options").at("buffer-size"), "4K");
  EXPECT_EQ(document.at("options").at("drain-timeout"), "5s")
      << "the effective value, as one would type it";
  EXPECT_GT(document.at("memory").at("rss").to_number<std::uint64_t>(), 0U);
  EXPECT_GT(document.at("drain_ns").to_number<std::int64_t>(), 0);
  EXPECT_TRUE(document.at("environment").is_object());
  EXPECT_TRUE(document.at("warnings").is_array());
}

TEST_P(Server, WritesTheReportIntoAFileBesideTheText) {
  std::string pattern = (std::filesystem::temp_directory_path() / "server-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const std::string path = (folder / "report.json").string();
  RunningServer server{words({"--json", path})};
  serve_three(server);
  server.process().signal(SIGTERM);
  const Ended ended = server.process().wait();
  EXPECT_EQ(ended.code, echo::exit_pass);
  EXPECT_THAT(ended.out, HasSubstr("Total: 3\n"));
  std::ifstream file(path);
  const json::value document = json::parse(std::string{std::istreambuf_iterator<char>(file), {}});
  EXPECT_EQ(document.at("connections").at("accepted"), 3);
  std::filesystem::remove_all(folder);
}

TEST_P(Server, CountsShedConnectionsInTheReport) {
  RunningServer server{words({"--max-connections", "1", "--json", "-"})};
  const echo::Descriptor served = server.connect();
  EXPECT_THROW(std::ignore = server.connect(), std::runtime_error);
  server.process().signal(SIGTERM);
  const json::value document = json::parse(server.process().wait().out);
  EXPECT_EQ(document.at("connections").at("shed").at("max_connections"), 1);
  EXPECT_EQ(document.at("connections").at("accepted"), 1);
}

TEST_P(Server, EndsWithSevenWhenItsOutputCannotBeWritten) {
  struct Case {
    Stdout out;
    std::vector<std::string> more;
  };
  for (const Case& each :
       {Case{Stdout::full, {}}, Case{Stdout::closed, {}}, Case{Stdout::full, {"--json", "-"}},
        Case{Stdout::read, {"--json", "/dev/full"}}}) {
    RunningServer server{words(each.more), each.out};
    server.process().signal(SIGTERM);
    const Ended ended = server.process().wait();
    EXPECT_EQ(ended.code, echo::exit_internal) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("write "));
  }
}

}  // namespace
}  // namespace programs
