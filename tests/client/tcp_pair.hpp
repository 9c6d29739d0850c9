// The two ends of a TCP connection over loopback, both in this process and non-blocking.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"

namespace client::fixtures {

struct TcpPair {
  TcpPair() {
    const echo::Descriptor listener =
        echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 1, false);
    const echo::Endpoint where = echo::local_endpoint(listener.get());
    ours.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(ours.get(), where.data(), where.size()) != 0)
      throw std::runtime_error("connect to ourselves");
    pollfd entry{listener.get(), POLLIN, 0};
    ::poll(&entry, 1, 10'000);
    theirs.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!theirs) throw std::runtime_error("accept from ourselves");
    for (const int fd : {ours.get(), theirs.get()}) echo::set_nodelay(fd, true);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  }
  void await_readable() const {
    pollfd entry{ours.get(), POLLIN, 0};
    ::poll(&entry, 1, 10'000);
  }

  echo::Descriptor ours, theirs;
};

}  // namespace client::fixtures
