#include "tests/conformance/rest_states.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <CLI/App.hpp>
#include <array>
#include <cerrno>
#include <system_error>

namespace conformance {
namespace {

using Clock = std::chrono::steady_clock;
using server::ServerOptions;

/// Enough for some connections, beside the descriptors that a model itself needs.
constexpr std::uint64_t most_files = 96;

/// A send queue that is never full in these tests.
ServerOptions with_large_send_buffers() {
  ServerOptions options = loopback();
  options.socket.buffers.send = 512U << 10U;
  return options;
}

ServerOptions with_sleeping_work() {
  ServerOptions options = loopback();
  options.work = server::Work::parse("sleep:1h");
  return options;
}

/// Sends from all `peers` until none has had room for half a second.
void send_until_all_block(const std::vector<const Peer*>& peers) {
  constexpr int quiet_ms = 500;
  static constexpr std::array<std::byte, 65536> bytes{};
  std::vector<pollfd> entries;
  for (const Peer* peer : peers) entries.push_back({peer->fd(), POLLOUT, 0});
  const auto deadline = Clock::now() + patience;
  while (Clock::now() < deadline && ::poll(entries.data(), entries.size(), quiet_ms) > 0) {
    for (const pollfd& entry : entries) {
      if (entry.revents == 0) continue;
      ASSERT_TRUE((entry.revents & POLLOUT) != 0) << "the server has ended the connection";
      ::send(entry.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  ASSERT_LT(Clock::now(), deadline) << "the server takes more and more";
}

bool is_refused(const echo::Endpoint& where) {
  try {
    const Peer late{where};
    return false;
  } catch (const std::system_error& error) {
    return error.code().value() == ECONNREFUSED;
  }
}

}  // namespace

StatesOfRest::StatesOfRest(const server::Model& model, const echo::Payload& payload)
    : model_(model), payload_(payload) {
  CLI::App app;
  const server::Configured configured = model.configure(app);
  const server::Shape shape = configured.shape_of(loopback());
  spins_ = shape.spins;
  waits_in_queue_ = shape.at_once.has_value();
  if (app.get_option_no_throw("--workers") != nullptr) {
    own_ = {"--workers", waits_in_queue_ ? "4" : "2"};
  }
}

void StatesOfRest::begin() {
  ServerOptions few = loopback();
  few.max_connections = 3;
  add("no connection", none_, loopback());
  add("idle connections", idle_, loopback());
  add("peer does not read", mute_, loopback());
  add("the same, half-closed", mute_half_closed_, loopback());
  add("the same, reset", mute_reset_, loopback());
  add("half-closed", half_closed_, loopback());
  add("work sleeps", sleeping_, with_sleeping_work());
  add("no descriptor", full_, loopback(), none_->server().takes_descriptors(), [] {
    const rlimit most{most_files, most_files};
    return ::setrlimit(RLIMIT_NOFILE, &most) == 0;
  });
  add("--max-connections", crowded_, few);
  add("all workers busy", queued_, loopback(), waits_in_queue_);
  const bool calls_accept = model_.name != "io-uring";  // which accepts without a system call
  add("each accept fails", unaccepted_, loopback(), calls_accept, [this] {
    return faults_.install({{SYS_accept, EPERM, {}}, {SYS_accept4, EPERM, {}}});
  });
  add("drain", draining_, with_small_send_buffers());
  add("drain, echoes unread", unread_, with_large_send_buffers());
  add("drain, work sleeps", draining_asleep_, with_sleeping_work());
  connect();
}

void StatesOfRest::add(const std::string& name, std::optional<RestingServer>& state,
                       const ServerOptions& options, bool possible,
                       const RestingServer::Prepare& prepare) {
  columns_.push_back({name, state});
  if (!possible) return;
  state.emplace(model_, name, options, own_);
  state->serve(prepare);
}

void StatesOfRest::connect() {
  idle_->connect_served(3, payload_);

  std::vector<const Peer*> mute;
  for (RestingServer* state : {&*mute_, &*mute_half_closed_, &*mute_reset_, &*draining_}) {
    mute.push_back(&state->connect(Buffers::small));
  }
  send_until_all_block(mute);
  mute_half_closed_->peers().front().half_close();
  mute_reset_->peers().front().reset();
  mute_reset_->expect_open(0);

  half_closed_->connect_served(3, payload_);
  for (Peer& peer : half_closed_->peers()) peer.half_close();
  half_closed_->expect_open(0);

  for (RestingServer* state : {&*sleeping_, &*draining_asleep_}) fall_asleep(*state);
  if (full_) fill(*full_);
  crowded_->connect_served(3, payload_);
  for (int i = 0; i < 3; ++i) crowded_->connect();
  if (queued_) {
    queued_->connect_served(4, payload_);
    for (int i = 0; i < 3; ++i) queued_->connect();
  }
  if (unaccepted_) {
    faults_.fail_next(CallFaults::for_ever);
    unaccepted_->connect();
    EXPECT_TRUE(eventually([this] { return faults_.failed() > 0; }));
  }
  leave_unread(*unread_);
  for (RestingServer* state : {&*draining_, &*unread_, &*draining_asleep_}) {
    state->server().drain();
    EXPECT_TRUE(eventually([&] { return is_refused(state->server().where()); })) << state->name();
  }
}

void StatesOfRest::fall_asleep(RestingServer& state) const {
  const std::uint64_t count = std::min<std::uint64_t>(3, state.server().at_once());
  for (std::uint32_t i = 0; i < count; ++i) {
    Peer& peer = state.connect();
    ASSERT_TRUE(peer.send(message(payload_, {i, 0})));
    state.expect_open(i + 1);
    if (i == 1) {
      ASSERT_TRUE(peer.send(message(payload_, {i, 1})));
    }
    if (i == 2) peer.half_close();
    ASSERT_TRUE(eventually([&] { return peer.unacknowledged() == 0; }));
  }
}

void StatesOfRest::leave_unread(RestingServer& state) const {
  constexpr std::size_t size = 128U << 10U;
  ASSERT_TRUE(state.connect(Buffers::small).send(std::vector<std::byte>(size)));
  EXPECT_TRUE(eventually([&] { return state.server().counters().bytes() == size; }));
}

void StatesOfRest::fill(RestingServer& state) const {
  state.connect_served(3, payload_);
  for (std::uint64_t i = 0; i < 2 * most_files; ++i) state.connect();
  EXPECT_TRUE(eventually(
      [&] { return state.server().counters().shed_count(server::Shed::descriptors) > 0; }));
}

}  // namespace conformance
