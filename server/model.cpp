#include "server/model.hpp"

namespace server {

Listeners::Listeners(const echo::Endpoint& where, int backlog, unsigned count,
                     const echo::SocketOptions& options, bool shared)
    : where_(where) {
  // The first socket binds the address without SO_REUSEPORT. With it, a second server would share a
  // port in use and get half of the connections without an error.
  sockets_.push_back(echo::listen_on(where_, backlog, false, options));
  where_ = echo::local_endpoint(sockets_.front().get());
  if (count <= 1 && !shared) return;
  sockets_.clear();
  add(backlog, count, options);
}

void Listeners::add(int backlog, unsigned count, const echo::SocketOptions& options) {
  shared_accept_.acceptors = static_cast<int>(count);
  for (unsigned i = 0; i < count; ++i)
    sockets_.push_back(echo::listen_on(where_, backlog, true, options));
}

Listeners::Listeners(const Listeners& others, int backlog, unsigned count,
                     const echo::SocketOptions& options)
    : where_(others.where_) {
  add(backlog, count, options);
}

ModelMeasurements& ModelMeasurements::operator+=(const ModelMeasurements& other) {
  if (!queue_wait) {
    queue_wait = other.queue_wait;
  } else if (other.queue_wait) {
    *queue_wait += *other.queue_wait;
  }
  if (!stacks) {
    stacks = other.stacks;
  } else if (other.stacks) {
    *stacks += *other.stacks;
  }
  if (task_shortage.empty()) task_shortage = other.task_shortage;
  return *this;
}

}  // namespace server
