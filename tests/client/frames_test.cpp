// Frames: their lines, and a reader that takes too little.
#include "client/fleet/frames.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>

#include "echo/descriptor.hpp"
#include "echo/exit_code.hpp"
#include "tests/client/frame_reader.hpp"

namespace client {
namespace {

using fixtures::Frame;
using fixtures::frames_in;
using std::chrono::milliseconds;

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

/// A pipe of one page, and what its reader has not taken yet.
struct SmallPipe {
  SmallPipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
  }
  [[nodiscard]] std::string take() const {
    std::array<char, 65536> piece{};
    const ssize_t count = ::read(reader.get(), piece.data(), piece.size());
    return {piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  echo::Descriptor reader, writer;
};

TEST(Frames, HaveTheCrcOfZlib) {
  // zlib.crc32(b'3 ready 1/1 {"a":1}')
  EXPECT_EQ(joined(lines_of_frame(3, "ready", R"({"a":1})")),
            "@echo-testbed 3 ready 1/1 f5538ef7 {\"a\":1}\n");
}

TEST(Frames, AreLinesOfAtMost1000BytesThatGiveTheTextAgain) {
  for (const std::size_t size : {0U, 1U, 899U, 900U, 901U, 1800U, 1'000'000U}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    const std::vector<std::string> lines = lines_of_frame(4095, "document", text);
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), longest_frame_line);
      EXPECT_EQ(line.find('\n'), line.size() - 1);
    }
    const std::vector<Frame> frames = frames_in(joined(lines));
    ASSERT_EQ(frames.size(), 1U) << size;
    EXPECT_EQ(frames[0], (Frame{4095, "document", text})) << size;
  }
}

TEST(Frames, MayCutACharacter) {
  std::string text;
  for (int i = 0; i < 700; ++i) text += "\xe2\x82\xac";  // the euro sign: 900 is no multiple of it
  text.insert(0, "ab");
  const std::vector<std::string> lines = lines_of_frame(0, "hello", text);
  ASSERT_GT(lines.size(), 1U);
  EXPECT_EQ(static_cast<unsigned char>(lines[0][lines[0].size() - 2]), 0xe2U);
  ASSERT_EQ(frames_in(joined(lines)).size(), 1U);
  EXPECT_EQ(frames_in(joined(lines))[0].text, text);
}

TEST(Frames, WithAWrongByteOrAMissingPartAreDropped) {
  std::vector<std::string> lines = lines_of_frame(1, "document", std::string(2000, 'x'));
  ASSERT_EQ(lines.size(), 3U);
  const std::string good = joined(lines_of_frame(1, "ready", "{}"));
  EXPECT_EQ(frames_in(lines[0] + lines[2] + good).size(), 1U);
  lines[1][40] ^= 1;
  EXPECT_EQ(frames_in("noise\n" + joined(lines) + good).size(), 1U);
}

TEST(FrameOutput, KeepsWhatAStalledReaderDoesNotTakeAndLosesWholeFramesBeyondItsBound) {
  const SmallPipe pipe;
  const int end = ::dup(pipe.writer.get());
  FrameOutput frames{2, echo::Writer::to_own(echo::Descriptor{end})};
  const std::string text(500, 'x');
  const int enough = 3000;  // 1.6 MB
  for (int i = 0; i < enough; ++i) frames.add("progress", text + "\n");
  EXPECT_GT(frames.lost(), 0U);
  std::string seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = pipe.take();
    seen += piece;
    frames.add("progress", text);
    if (piece.empty()) break;
  }
  const std::vector<Frame> read = frames_in(seen);
  EXPECT_GT(read.size(), 1500U);
  for (const Frame& frame : read) ASSERT_EQ(frame, (Frame{2, "progress", text}));
}

TEST(FrameOutput, WaitsForTheReaderOfADocumentNoLongerThanItsPatience) {
  const SmallPipe pipe;
  FrameOutput frames{0, echo::Writer::to_own(echo::Descriptor{::dup(pipe.writer.get())})};
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_THROW(
      frames.write("document", std::string(100'000, 'x'), {milliseconds{30}, milliseconds{60}}),
      echo::Exit);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds{1000});
  static_cast<void>(pipe.take());
  frames.add("progress", "{}");  // a frame is cut off: nothing more is written
  EXPECT_EQ(pipe.take(), "");
}

TEST(FrameOutput, WritesADocumentThatIsLargerThanItsBound) {
  const SmallPipe pipe;
  ::fcntl(pipe.writer.get(), F_SETPIPE_SZ, 65536);
  FrameOutput frames{0, echo::Writer::to_own(echo::Descriptor{::dup(pipe.writer.get())})};
  const std::string text(FrameOutput::most_kept + 100'000, 'x');
  std::string seen;
  std::atomic<bool> written = false;
  std::thread reader{[&] {
    for (int i = 0; i < 10'000; ++i) {
      const bool last = written;
      pollfd entry{pipe.reader.get(), POLLIN, 0};
      if (::poll(&entry, 1, 10) == 1) seen += pipe.take();
      if (last && entry.revents == 0) return;
    }
  }};
  EXPECT_NO_THROW(
      frames.write("document", text, {std::chrono::seconds{5}, std::chrono::seconds{20}}));
  written = true;
  reader.join();
  ASSERT_EQ(frames_in(seen).size(), 1U);
  EXPECT_EQ(frames_in(seen)[0].text, text);
  EXPECT_EQ(frames.lost(), 0U);
}

TEST(FrameOutput, SaysThatItsReaderIsGone) {
  std::signal(SIGPIPE, SIG_IGN);  // as every program of the project does
  SmallPipe pipe;
  FrameOutput frames{0, echo::Writer::to_own(echo::Descriptor{::dup(pipe.writer.get())})};
  pipe.reader.reset();
  frames.add("ready", "{}");
  EXPECT_THROW(frames.write("document", "{}", {milliseconds{30}, milliseconds{60}}), echo::Exit);
}

}  // namespace
}  // namespace client
