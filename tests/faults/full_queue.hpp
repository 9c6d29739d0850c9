// A server that never answers: its accept queue has room for one connection, is full, and nothing
// accepts from it. The kernel drops each further SYN, as a blackhole would.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"

namespace faults {

class FullQueue {
 public:
  FullQueue()
      : listener_(echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 0, false)),
        where_(echo::local_endpoint(listener_.get())) {
    while (waiting_.empty() || is_established(waiting_.back().get())) {
      echo::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
      ::connect(socket.get(), where_.data(), where_.size());
      waiting_.push_back(std::move(socket));
    }
  }
  [[nodiscard]] std::string target() const { return where_.text(); }

 private:
  static bool is_established(int fd) {
    pollfd entry{fd, POLLOUT, 0};
    return ::poll(&entry, 1, 100) == 1;
  }
  echo::Descriptor listener_;
  echo::Endpoint where_;
  std::vector<echo::Descriptor> waiting_;
};

}  // namespace faults
