#include "echo_async/asio/shared_loop.hpp"

#include <sys/socket.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "echo_async/asio/late_chain.hpp"
#include "echo_async/asio/out_of_memory.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

/// The number of the worker that this thread is, for handlers: Asio does not pass it to them. It is
/// one load from the thread's own block; a look-up by thread id would be a search per message.
thread_local unsigned this_worker = 0;

}  // namespace

SharedConnection::SharedConnection(Socket socket, SharedLoop& loop)
    : ConnectionSocket(std::move(socket)),
      loop_(loop),
      last_touch_(loop.tick_.load(std::memory_order_relaxed)),
      opened_by_(this_worker) {
  serving().counters.opened(opened_by_);
  const std::lock_guard lock(loop_.mutex_);
  loop_.connections_.push_back(*this);
}

SharedConnection::SharedConnection(TakeOver tag, SharedConnection& ended) noexcept
    : ConnectionSocket(tag, ended),
      loop_(ended.loop_),
      last_touch_(loop_.tick_.load(std::memory_order_relaxed)),
      opened_by_(ended.opened_by_) {
  const std::lock_guard lock(loop_.mutex_);
  loop_.connections_.push_back(*this);
}

SharedConnection::~SharedConnection() {
  // Removed from the list before the descriptor is closed or passed on: a drain must never shut
  // down a number that the kernel has reused.
  const auto pause = loop_.remove(*this);
  const bool ends = !pause || !continue_late(*this, *pause);
  if (ends) {
    if (!finished_)
      server::discount_unsent(socket().native_handle(), serving().counters, this_worker);
    close();
    if (!loop_.forced_) serving().counters.closed(opened_by_);
  }
  loop_.removed();
}

void SharedConnection::sent(std::size_t bytes) {
  if (has_deadline())
    publish_deadline(while_sending);
  else
    touch();
  serving().counters.echoed(this_worker, 0, bytes);
}

void SharedConnection::answered(const protocol::Turn& turn, std::size_t bytes) {
  touch();
  serving().counters.echoed(this_worker, turn.messages, bytes);
}

protocol::Turn SharedConnection::next_turn(std::span<std::byte> got) {
  const protocol::Protocol& protocol = serving().protocol;
  if (!got.empty()) return protocol.on_received(conversation(), got, {});
  if (std::exchange(goes_on_, false)) return protocol.go_on(conversation());
  // The read may be another than the loop meant, after bytes that came in time.
  return is_overdue(Clock::now()) ? protocol.on_time(conversation()) : protocol::Turn{};
}

bool SharedConnection::carries_out(protocol::After after) {
  goes_on_ = after == protocol::After::go_on;
  if (after == protocol::After::linger) send_fin();
  if (goes_on_ || after == protocol::After::linger) return true;
  if (after == protocol::After::reset) {
    server::discount_unsent(socket().native_handle(), serving().counters, this_worker);
    reset_at_close();
  }
  finished_ = true;
  return false;
}

SharedLoop::SharedLoop(const server::Serving& serving, unsigned workers)
    : serving_(serving),
      workers_(workers),
      late_(serving.options.socket.idle_timeout, serving.counters),
      io_(static_cast<int>(workers)),
      acceptor_(strand_, serving, std::move(serving.listeners.take().front()),
                [this](Socket socket) { serve_(std::move(socket)); }),
      stop_(strand_, serving.stop),
      idle_(strand_, serving) {}

void SharedLoop::run(std::function<void(Socket)> serve) {
  serve_ = std::move(serve);
  acceptor_.start();
  stop_.wait([this] { drain(); }, [this] { force_stop(); });
  idle_.start([this] { check_times(); });
  server::run_workers(serving_, workers_, [this](unsigned worker) {
    this_worker = worker;
    run_until_done(io_, [this] {
      // Not asio::post to the strand: where that has no memory, the strand stays locked for ever.
      asio::post(io_, [this] { asio::dispatch(strand_, [this] { begin_again(); }); });
    });
  });
}

void SharedLoop::begin_again() {
  stop_.begin_again();
  idle_.begin_again();
  acceptor_.begin_again();
}

std::optional<std::chrono::milliseconds> SharedLoop::remove(SharedConnection& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connections_.iterator_to(connection));
  ++ending_;
  if (!draining_ || forced_ || connection.finished_) return std::nullopt;
  const int fd = connection.socket().native_handle();
  const auto pause = late_.pause_at_eof(fd);
  if (!pause) late_.forget(fd);
  return pause;
}

void SharedLoop::removed() {
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    --ending_;
    last = draining_ && !forced_ && connections_.empty() && ending_ == 0;
  }
  if (last) io_.stop();
}

void SharedLoop::drain() {
  if (serving_.stop.forced()) return force_stop();
  acceptor_.stop();
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (SharedConnection& connection : connections_)
    ::shutdown(connection.socket().native_handle(), SHUT_RD);
  if (connections_.empty() && ending_ == 0) io_.stop();
}

/// Pending operations are destroyed with the io_context, when no thread runs it any more.
void SharedLoop::force_stop() {
  forced_ = true;
  io_.stop();
}

void SharedLoop::check_times() {
  tick_.store(idle_.clock().now(), std::memory_order_relaxed);
  const std::uint64_t now = SharedConnection::milliseconds(std::chrono::steady_clock::now());
  const std::lock_guard lock(mutex_);
  for (SharedConnection& connection : connections_) {
    if (connection.timed_out_ || !is_late(connection, now)) continue;
    connection.timed_out_ = true;
    serving_.counters.timed_out();
    ::shutdown(connection.socket().native_handle(), SHUT_RDWR);
  }
}

bool SharedLoop::is_late(SharedConnection& connection, std::uint64_t now) const {
  const std::uint64_t state = connection.last_touch_.load(std::memory_order_relaxed);
  if (state == SharedConnection::sleeping) return false;
  if ((state & SharedConnection::is_deadline) == 0)
    return idle_.clock().expired(static_cast<server::IdleClock::Tick>(state));
  constexpr std::uint64_t flags = SharedConnection::is_deadline | SharedConnection::while_sending;
  if ((state & ~flags) >= now) return false;
  if ((state & SharedConnection::while_sending) != 0) return true;
  error_code ignored;
  connection.socket().cancel(ignored);
  return false;
}

}  // namespace echo_async
