// A client and its parent, with pipes in place of stdin and stdout.
#include "client/fleet/pipe_rendezvous.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <future>
#include <optional>
#include <string>

#include "echo/version.hpp"
#include "tests/client/frame_reader.hpp"

namespace client {
namespace {

using fixtures::Frame;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The parent's ends of the pipes, and the client's.
struct Pipes {
  Pipes() {
    int commands[2];
    int frames[2];
    if (::pipe2(commands, O_CLOEXEC) != 0 || ::pipe2(frames, O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::runtime_error("pipe2");
    command_reader.reset(commands[0]);
    command_writer.reset(commands[1]);
    frame_reader.reset(frames[0]);
    frame_writer.reset(frames[1]);
  }
  echo::Descriptor command_reader, command_writer, frame_reader, frame_writer;
};

class Parent : public ::testing::Test {
 protected:
  void say(const std::string& lines) const {
    ASSERT_EQ(::write(pipes_.command_writer.get(), lines.data(), lines.size()),
              static_cast<ssize_t>(lines.size()));
  }
  /// The content of the first frame `kind` that has not been returned; null after a second without.
  boost::json::value next(const std::string& kind) {
    const Nanoseconds until = now() + seconds{5};
    while (now() < until) {
      const std::vector<Frame> frames = fixtures::frames_in(stream_);
      for (; taken_ < frames.size(); ++taken_) {
        if (frames[taken_].kind == kind) return boost::json::parse(frames[taken_++].text);
      }
      pollfd entry{pipes_.frame_reader.get(), POLLIN, 0};
      ::poll(&entry, 1, 100);
      std::array<char, 65536> piece{};
      const ssize_t count = ::read(pipes_.frame_reader.get(), piece.data(), piece.size());
      if (count > 0) stream_.append(piece.data(), static_cast<std::size_t>(count));
    }
    return nullptr;
  }
  /// Waits until the client has read all that was said.
  void catch_up() {
    say("clock 4711\n");
    ASSERT_FALSE(next("clock").is_null());
  }
  [[nodiscard]] bool becomes_readable(int fd) const {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 5000) == 1;
  }

  Pipes pipes_;
  echo::Stop stop_;
  FrameOutput frames_{2, echo::Writer::to_own(echo::Descriptor{::dup(pipes_.frame_writer.get())})};
  std::optional<PipeRendezvous> client_{
      std::in_place, Share{2, 4}, seconds{40}, pipes_.command_reader.get(), frames_, stop_};

 private:
  std::string stream_;
  std::size_t taken_ = 0;
};

TEST_F(Parent, HearsWhoTheClientIs) {
  const boost::json::value hello = next("hello");
  EXPECT_EQ(hello.at("ranks"), 4);
  EXPECT_EQ(hello.at("pid"), ::getpid());
  EXPECT_FALSE(hello.at("host").as_string().empty());
  EXPECT_EQ(hello.at("version"), echo::version_to_json().at("version"));
  EXPECT_EQ(hello.at("commit"), echo::version_to_json().at("commit"));
}

TEST_F(Parent, GetsTheClockBetweenItsOwnTimes) {
  for (int id = 0; id < 20; ++id) {
    const Nanoseconds before = now();
    say("clock " + std::to_string(id) + "\n");
    const boost::json::value clock = next("clock");
    EXPECT_EQ(clock.at("id"), id);
    EXPECT_GE(clock.at("ns").as_int64(), before.count());
    EXPECT_LE(clock.at("ns").as_int64(), now().count());
  }
}

TEST_F(Parent, LeadsAClientFromStartToTraffic) {
  auto due =
      std::async(std::launch::async, [&] { return client_->start(stop_, now() + seconds{10}); });
  EXPECT_EQ(next("ready").at("deadline_ns"), 40'000'000'000);
  say("offset before -5 10 99\nstart 12345\n");
  EXPECT_EQ(due.get(), Nanoseconds{12345});
  EXPECT_TRUE(client_->has_started());
  // Two rounds, the second one with a command cut in two.
  for (const std::string& when : {std::string("77"), std::string("88")}) {
    auto traffic = std::async(std::launch::async,
                              [&] { return client_->traffic(stop_, now() + seconds{10}); });
    EXPECT_FALSE(next("standing").is_null());
    say("traf");
    say("fic " + when + "\n");
    EXPECT_EQ(traffic.get(), Nanoseconds{std::stoi(when)});
  }
  say("offset after 6 20 199\nquit\n");
  client_->wait_for_quit(stop_, now() + seconds{5});
  const Rank rank = client_->rank();
  EXPECT_EQ(rank.share.rank, 2U);
  EXPECT_EQ(rank.clock_before->offset, Nanoseconds{-5});
  EXPECT_EQ(rank.clock_before->bound, Nanoseconds{10});
  EXPECT_EQ(rank.clock_before->at, Nanoseconds{99});
  EXPECT_EQ(rank.clock_after->offset, Nanoseconds{6});
  EXPECT_EQ(rank.warning, "");
  EXPECT_FALSE(stop_.draining());
}

TEST_F(Parent, ThatNeverStartsIsGivenUp) {
  say("start " + std::to_string((now() + seconds{3600}).count()) + "\n");  // not within this run
  const Nanoseconds begun = now();
  EXPECT_EQ(client_->start(stop_, begun + milliseconds{50}), std::nullopt);
  EXPECT_GE(now() - begun, milliseconds{50});
  EXPECT_LT(now() - begun, seconds{3});
  EXPECT_FALSE(client_->has_started());
  const Nanoseconds traffic = client_->traffic(stop_, now() + milliseconds{20});
  EXPECT_LE(traffic, now());
  EXPECT_THAT(client_->rank().warning, ::testing::HasSubstr("not understood: 1"));
}

TEST_F(Parent, EndsEachWaitByAStop) {
  stop_.request_drain();
  EXPECT_EQ(client_->start(stop_, never), std::nullopt);
  const Nanoseconds traffic = client_->traffic(stop_, never);
  EXPECT_LE(traffic, now());
}

TEST_F(Parent, ThatIsGoneStopsTheClient) {
  pipes_.command_writer.reset();
  EXPECT_TRUE(becomes_readable(stop_.drain_fd()));
  EXPECT_TRUE(client_->was_stopped());
  EXPECT_THAT(client_->rank().warning, ::testing::HasSubstr("stdin ended"));
  client_->wait_for_quit(stop_, now() + seconds{5});
}

TEST_F(Parent, MayGoAfterQuit) {
  say("start 1\n");
  EXPECT_TRUE(client_->start(stop_, never));
  say("quit\n");
  pipes_.command_writer.reset();
  client_->wait_for_quit(stop_, now() + seconds{5});
  EXPECT_FALSE(stop_.draining());
  EXPECT_EQ(client_->rank().warning, "");
}

TEST_F(Parent, StopsAClientByQuitBeforeTheStart) {
  say("quit\n");
  EXPECT_TRUE(becomes_readable(stop_.drain_fd()));
}

TEST_F(Parent, ForcesTheEndOfADrainThatTakesTooLong) {
  say("stop\n");
  EXPECT_TRUE(becomes_readable(stop_.drain_fd()));
  EXPECT_FALSE(stop_.forced());
  EXPECT_TRUE(becomes_readable(stop_.force_fd()));
}

TEST_F(Parent, DoesNotForceACompleteRun) {
  client_->end_drain();
  say("stop\n");
  EXPECT_TRUE(becomes_readable(stop_.drain_fd()));
  pollfd entry{stop_.force_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, static_cast<int>((drain_in_a_fleet + milliseconds{100}).count())), 0);
}

TEST_F(Parent, MaySayWhatIsNoCommand) {
  const std::string wrong[] = {"bogus",
                               "clock",
                               "clock x",
                               "start -1",
                               "start 1 2",
                               "offset now 1 2 3",
                               "quit now",
                               "offset after 1",
                               "offset before 1 -2 3",
                               "traffic  7",
                               "stop it",
                               "clock " + std::string(5000, '0'),
                               "\xff\x1b[31m",
                               ""};
  client_.reset();
  ::testing::internal::CaptureStderr();
  client_.emplace(Share{2, 4}, seconds{40}, pipes_.command_reader.get(), frames_, stop_);
  for (const std::string& line : wrong) say(line + "\n");
  catch_up();
  EXPECT_EQ(client_->rank().warning, "commands on stdin that were not understood: 14");
  EXPECT_FALSE(stop_.draining());
  client_.reset();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 10);
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

/// The promise of decision 0029. The best of several: another process may have the processor.
TEST(SleepUntil, IsOnTime) {
  const echo::Stop stop;
  Nanoseconds least = never;
  for (int i = 0; i < 50 && least > std::chrono::microseconds{200}; ++i) {
    const Nanoseconds due = now() + std::chrono::microseconds{5500};  // poll(2) has milliseconds
    EXPECT_TRUE(sleep_until(due, stop));
    EXPECT_GE(now(), due);
    least = std::min(least, now() - due);
  }
  EXPECT_LE(least, std::chrono::microseconds{200});
}

}  // namespace
}  // namespace client
