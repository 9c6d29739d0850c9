#include "echo/model.hpp"

namespace echo {

Listeners::Listeners(const Endpoint& where, int backlog, unsigned count,
                     const SocketOptions& options)
    : where_(where) {
  // The first socket takes the address alone: with SO_REUSEPORT from the start, a second server
  // would share a port in use and get half of the connections, and nobody would be told.
  sockets_.push_back(listen_on(where_, backlog, false, options));
  where_ = local_endpoint(sockets_.front().get());
  if (count <= 1) return;
  turns_.takers = static_cast<int>(count);
  sockets_.clear();
  for (unsigned i = 0; i < count; ++i)
    sockets_.push_back(listen_on(where_, backlog, true, options));
}

}  // namespace echo
