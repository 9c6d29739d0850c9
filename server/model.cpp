#include "server/model.hpp"

namespace server {

Listeners::Listeners(const echo::Endpoint& where, int backlog, unsigned count,
                     const echo::SocketOptions& options)
    : where_(where) {
  // The first socket binds the address without SO_REUSEPORT. With it, a second server would share a
  // port in use and get half of the connections without an error.
  sockets_.push_back(echo::listen_on(where_, backlog, false, options));
  where_ = echo::local_endpoint(sockets_.front().get());
  if (count <= 1) return;
  shared_accept_.acceptors = static_cast<int>(count);
  sockets_.clear();
  for (unsigned i = 0; i < count; ++i)
    sockets_.push_back(echo::listen_on(where_, backlog, true, options));
}

}  // namespace server
