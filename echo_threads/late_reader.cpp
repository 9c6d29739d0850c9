#include "echo_threads/late_reader.hpp"

#include <poll.h>

#include <chrono>

namespace echo_threads {
namespace {

/// Between two looks at the send queue. A forced stop does not end a pause, so none is long.
constexpr std::chrono::milliseconds longest_pause{50};

}  // namespace

LateReader::LateReader(int fd, const server::Serving& serving)
    : fd_(fd),
      counters_(serving.counters),
      wait_(serving.options.socket.idle_timeout, longest_pause) {}

bool LateReader::pauses() {
  switch (wait_.at_eof(fd_, server::SendQueueWait::Clock::now())) {
    case server::SendQueueWait::Next::pause:
      ::poll(nullptr, 0, static_cast<int>(wait_.pause().count()));
      return true;
    case server::SendQueueWait::Next::timed_out:
      counters_.timed_out();
      return false;
    case server::SendQueueWait::Next::end:
      return false;
  }
  return false;
}

}  // namespace echo_threads
