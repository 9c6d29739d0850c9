// Outputs: which paths are refused at the start, files that are complete or unchanged, and readers
// that take nothing.
#include "echo/output/output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "echo/exit_code.hpp"
#include "echo/output/line_output.hpp"
#include "echo/stop.hpp"
#include "tests/echo/in_child.hpp"

namespace echo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr Patience short_wait{50ms, 10s};

/// A separate folder for each test, removed after it.
class OutputTo : public ::testing::Test {
 protected:
  OutputTo() {
    std::string pattern = (fs::temp_directory_path() / "output-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~OutputTo() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] auto entries() const { return std::distance(fs::directory_iterator(folder_), {}); }
  [[nodiscard]] mode_t mode_of(const std::string& name) const {
    struct stat status {};
    return ::stat(path(name).c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
  }
  /// The exit code with which an output to `path` ends, and its line; 0 on success.
  static int code_of(const std::string& path, std::string* line = nullptr) {
    try {
      Output("--json", path).write("new\n", short_wait);
      return 0;
    } catch (const Exit& error) {
      if (line != nullptr) *line = error.what();
      return error.code();
    }
  }
  static std::string refusal_of(const std::string& path) {
    try {
      Output output("--json", path);
    } catch (const Exit& error) {
      EXPECT_EQ(error.code(), exit_usage);
      return error.what();
    }
    return "";
  }
  fs::path folder_;
};

TEST_F(OutputTo, AFileWritesItAndNothingBesideIt) {
  ASSERT_EQ(code_of(path("report.json")), 0);
  EXPECT_EQ(content("report.json"), "new\n");
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputTo, AFileReplacesTheOlderOneAtTheEndOnly) {
  std::ofstream(path("report.json")) << "old";
  Output output{"--json", path("report.json")};
  EXPECT_EQ(content("report.json"), "old");
  output.write("new\n", short_wait);
  EXPECT_EQ(content("report.json"), "new\n");
}

TEST_F(OutputTo, ANewFileHonoursTheUmask) {
  const mode_t before = ::umask(027);
  EXPECT_EQ(code_of(path("report.json")), 0);
  ::umask(before);
  EXPECT_EQ(mode_of("report.json"), 0640U);
}

// Bug: a file that only its owner could read was readable by all after it had been replaced.
TEST_F(OutputTo, AFileOfMode0600LeavesItsModeAndItsOwner) {
  std::ofstream(path("report.json")) << "old";
  ASSERT_EQ(::chmod(path("report.json").c_str(), 0600), 0);
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(
      ::chown(path("report.json").c_str(), root ? 4711 : ::geteuid(), root ? 4712 : ::getegid()),
      0);
  ASSERT_EQ(code_of(path("report.json")), 0);
  EXPECT_EQ(content("report.json"), "new\n");
  EXPECT_EQ(mode_of("report.json"), 0600U);
  struct stat status {};
  ::stat(path("report.json").c_str(), &status);
  EXPECT_EQ(status.st_uid, root ? 4711U : ::geteuid());
  EXPECT_EQ(status.st_gid, root ? 4712U : ::getegid());
}

TEST_F(OutputTo, AFullDiskLeavesTheOldReport) {
  std::ofstream(path("report.json")) << "old";
  const int code = fixtures::in_child([this] {
    ::signal(SIGXFSZ, SIG_IGN);  // a write past the limit is then EFBIG
    const rlimit nothing{2, 2};
    if (::setrlimit(RLIMIT_FSIZE, &nothing) != 0) return 90;
    return code_of(path("report.json"));
  });
  EXPECT_EQ(code, exit_internal);
  EXPECT_EQ(content("report.json"), "old");
  EXPECT_EQ(entries(), 1) << "the half document is gone";
}

TEST_F(OutputTo, AFullDeviceEndsWithSevenAndTheReason) {
  std::string line;
  EXPECT_EQ(code_of("/dev/full", &line), exit_internal);
  EXPECT_EQ(line, "write /dev/full: No space left on device");
}

TEST_F(OutputTo, ADeviceDoesNotReplaceIt) {
  EXPECT_EQ(code_of("/dev/null"), 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

// Bug: a run of minutes ended with exit code 7 because a path was wrong from the start.
TEST_F(OutputTo, APathThatCannotWorkIsRefusedAtTheStart) {
  ::mkfifo(path("fifo").c_str(), 0600);
  fs::create_symlink("loop", path("loop"));
  std::ofstream(path("file")) << "old";
  struct Case {
    std::string path, reason;
  };
  for (const Case& each : {
           Case{folder_.string(), "is a folder; name a file in it"},
           Case{folder_.string() + "/", "is a folder; name a file in it"},
           Case{path("no/such/folder.json"), "there is no folder " + path("no/such")},
           Case{path("file/x.json"), "folder " + path("file") + ": Not a directory"},
           Case{"/proc/x", "its folder takes no new file: No such file or directory"},
           Case{"/proc/self/fd/7777", "its folder takes no new file: No such file or directory"},
           Case{path("fifo"), "no process reads this FIFO; start its reader first"},
           Case{path("loop"), "Too many levels of symbolic links"},
       }) {
    EXPECT_EQ(refusal_of(each.path), "--json " + each.path + ": " + each.reason);
  }
  EXPECT_EQ(content("file"), "old");
}

TEST_F(OutputTo, ALinkFollowsIt) {
  fs::create_directory(folder_ / "there");
  fs::create_symlink("there/report.json", path("link"));
  ASSERT_EQ(code_of(path("link")), 0);
  EXPECT_TRUE(fs::is_symlink(path("link"))) << "the link stays";
  EXPECT_EQ(content("there/report.json"), "new\n");
}

// Bug: --series followed a link of another user in a shared folder and emptied the file behind it.
TEST_F(OutputTo, ALinkOfAnotherUserIsNotFollowedInASharedFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of another user";
  std::ofstream(path("mine")) << "mine";
  fs::create_symlink(path("mine"), path("link"));
  ASSERT_EQ(::lchown(path("link").c_str(), 4711, 4711), 0);
  for (const mode_t shared : {0777U, 0775U, 01777U}) {
    ASSERT_EQ(::chmod(folder_.c_str(), shared), 0);
    EXPECT_EQ(refusal_of(path("link")),
              "--json " + path("link") +
                  ": is a link of another user (uid 4711) in a shared folder, and is not followed; "
                  "name another file");
  }
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  EXPECT_EQ(refusal_of(path("link")), "") << "only this user can make links here";
}

TEST_F(OutputTo, AFileOrFifoThatAnotherUserPutIntoASharedFolderIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of another user";
  std::ofstream(path("file")) << "theirs";
  ::mkfifo(path("fifo").c_str(), 0666);
  for (const char* name : {"file", "fifo"}) {
    ASSERT_EQ(::chown(path(name).c_str(), 4711, 4711), 0);
    ASSERT_EQ(::chmod(folder_.c_str(), 01777), 0);
    EXPECT_EQ(refusal_of(path(name)),
              "--json " + path(name) +
                  ": belongs to another user (uid 4711) in a shared folder; name another file");
  }
  EXPECT_EQ(content("file"), "theirs");
}

/// A FIFO with a reader that takes nothing.
class OutputToAFifo : public OutputTo {
 protected:
  OutputToAFifo() {
    ::mkfifo(path("fifo").c_str(), 0600);
    reader_.reset(::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  std::string read_all() {
    std::string text(1U << 20U, '\0');
    const ssize_t count = ::read(reader_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  Descriptor reader_;
};

TEST_F(OutputToAFifo, IsWrittenWhole) {
  ASSERT_EQ(code_of(path("fifo")), 0);
  EXPECT_EQ(read_all(), "new\n");
}

TEST_F(OutputToAFifo, WhoseReaderTakesNothingEndsWithSevenAndIsBounded) {
  Output output{"--json", path("fifo")};
  try {
    output.write(std::string(200'000, 'x'), short_wait);
    FAIL() << "a pipe holds less";
  } catch (const Exit& error) {
    EXPECT_EQ(error.code(), exit_internal);
    EXPECT_EQ(error.what(), "write " + path("fifo") + ": its reader took too little");
  }
}

TEST_F(OutputToAFifo, WhoseReaderTakesNothingIsLeftAtOnceOnASignal) {
  Stop stop;
  stop.request_drain();
  Output output{"--json", path("fifo")};
  try {
    output.write(std::string(200'000, 'x'), {1h, 1h, stop.drain_fd()});
    FAIL() << "a pipe holds less";
  } catch (const Exit& error) {
    EXPECT_EQ(error.code(), exit_signal);
  }
}

TEST_F(OutputToAFifo, OfLinesKeepsWhatASlowReaderDoesNotTake) {
  Output output{"--series", path("fifo")};
  LineOutput lines{output};
  lines.open();
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string line(1'000, static_cast<char>('a' + i % 26));
    lines.add(line + "\n");
    all += line + "\n";
  }
  std::string got;
  while (got.size() < all.size()) {
    got += read_all();
    lines.add("");
  }
  lines.finish(short_wait);
  EXPECT_EQ(got, all);
}

TEST_F(OutputToAFifo, OfLinesCountsWhatIsLost) {
  Output output{"--series", path("fifo")};
  LineOutput lines{output};
  lines.open();
  const std::string line(LineOutput::most_kept / 2, 'x');
  for (int i = 0; i < 5; ++i) lines.add(line);
  while (!read_all().empty()) lines.add("");
  try {
    lines.finish(short_wait);
    FAIL() << "5 lines of half the bound";
  } catch (const Exit& error) {
    EXPECT_NE(std::string(error.what()).find("lines lost: 3"), std::string::npos) << error.what();
  }
}

TEST(OutputToStdout, ByTwoOptionsIsRefused) {
  const Output one{"--json", "-"};
  const Output two{"--hgrm", "-"};
  const Output none;
  EXPECT_THROW(refuse_shared_outputs({&one, &none, &two}), Exit);
  EXPECT_NO_THROW(refuse_shared_outputs({&one, &none}));
}

TEST(WriteText, EndsWithSevenWhenStdoutIsClosed) {
  EXPECT_EQ(fixtures::in_child([] {
              ::close(STDOUT_FILENO);
              try {
                write_text("x");
                return 0;
              } catch (const Exit& error) {
                return error.code();
              }
            }),
            exit_internal);
}

}  // namespace
}  // namespace echo
