// The time that the readers of results have, all together.
#include "echo/output/result_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

namespace echo {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

/// A FIFO whose reader takes a page each 50 ms for as long as this object lives.
class SlowFifo {
 public:
  SlowFifo() {
    ::mkfifo(path_.c_str(), 0600);
    reader_.reset(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ::fcntl(reader_.get(), F_SETPIPE_SZ, 4096);
    thread_ = std::thread([this] {
      std::array<char, 4096> page{};
      while (!over_) {
        taken_ += std::max<ssize_t>(::read(reader_.get(), page.data(), page.size()), 0);
        ::poll(nullptr, 0, 50);
      }
    });
  }
  ~SlowFifo() {
    over_ = true;
    thread_.join();
    std::filesystem::remove(path_);
  }
  SlowFifo(const SlowFifo&) = delete;
  SlowFifo& operator=(const SlowFifo&) = delete;

  [[nodiscard]] Output output() const { return {"--json", path_}; }
  [[nodiscard]] ssize_t taken() const { return taken_; }

 private:
  static std::string new_path() {
    static int number = 0;
    return std::filesystem::temp_directory_path() /
           ("result_writer." + std::to_string(::getpid()) + "." + std::to_string(++number));
  }
  std::string path_ = new_path();
  Descriptor reader_;
  std::atomic<bool> over_ = false;
  std::atomic<ssize_t> taken_ = 0;
  std::thread thread_;
};

// Bug: each output had 10 s, also after the deadline of the run.
TEST(ResultWriter, ReadersThatTakeALittleHaveTheTimeUntilTheEndTogether) {
  const SlowFifo fifos[2];
  Output outputs[] = {fifos[0].output(), fifos[1].output()};
  const std::string text(2U << 20U, '.');  // 25 s at that speed
  ResultWriter results{exit_pass};
  const auto began = Clock::now();
  results.complete_by(began + milliseconds{300});
  for (Output& output : outputs)
    results.attempt([&] { output.write(text, results.patience_for(output)); });
  EXPECT_LT(Clock::now() - began, seconds{8});
  EXPECT_EQ(results.code(), exit_internal);
  EXPECT_GT(fifos[0].taken(), 0);
}

TEST(ResultWriter, TheTimeOfTheReadersIsOneForAllOfThem) {
  const SlowFifo fifo;
  const Output output = fifo.output();
  ResultWriter results{exit_pass};
  EXPECT_EQ(results.patience_for(output).total, ResultWriter::longest_time);
  results.attempt([&] {
    static_cast<void>(results.patience_for(output));
    ::poll(nullptr, 0, 20);
  });
  EXPECT_LE(results.patience_for(output).total, ResultWriter::longest_time - milliseconds{20});
}

TEST(ResultWriter, AWaitForTheReaderOfStdoutIsNotPartOfIt) {
  const SlowFifo fifo;
  const Output output = fifo.output();
  const Output to_stdout{"--hgrm", "-"};
  ResultWriter results{exit_pass};
  results.attempt([&] {
    EXPECT_EQ(results.patience_for(to_stdout).total, endless.total);
    ::poll(nullptr, 0, 20);
  });
  EXPECT_EQ(results.patience_for(output).total, ResultWriter::longest_time);
}

TEST(ResultWriter, AnEndThatIsNearOrOverBoundsTheTimeButLeavesAMoment) {
  const SlowFifo fifo;
  Output output = fifo.output();
  ResultWriter results{exit_pass};
  results.complete_by(Clock::now() + std::chrono::hours{1});
  EXPECT_EQ(results.patience_for(output).total, ResultWriter::longest_time);
  results.complete_by(Clock::now() + seconds{5});
  EXPECT_LE(results.patience_for(output).total, seconds{5});
  results.complete_by(Clock::now() - seconds{5});
  EXPECT_EQ(results.patience_for(output).total, ResultWriter::least_time);
  results.attempt([&] { output.write("a document", results.patience_for(output)); });
  EXPECT_EQ(results.code(), exit_pass) << "what the reader takes at once is not lost";
}

}  // namespace
}  // namespace echo
