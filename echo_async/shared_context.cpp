// One io_context run by several threads: any of them takes the next handler that is ready.
//
// Work goes to any free thread, so no worker idles while another has a queue, and nothing needs
// balancing. The cost is locks: each handler is taken from one queue, and each descriptor has a
// mutex; a connection's data move from one processor's cache to the next. It wins where handlers
// compute (--work cpu:); it breaks where they are short: one thread then does as much. Callback
// chains need no strand, because their one operation in flight starts the next; Asio makes what one
// thread wrote visible to the thread that reads it. Source: Boost.Asio's example "HTTP Server 3",
// https://www.boost.org/doc/libs/release/doc/html/boost_asio/examples.html.
// Try it: ./echo_async --model shared-context --workers 4 --work cpu:50us & ./client -n 1000
#include <sys/socket.h>

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <memory>
#include <mutex>

#include "echo_async/asio/asio_acceptor.hpp"
#include "echo_async/asio/callback_chain.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/stop_events.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

/// The number of the worker that this thread is, for handlers: Asio does not pass it to them. It is
/// one load from the thread's own block; a look-up by thread id would be a search per message.
thread_local unsigned this_worker = 0;

class Server;

/// A connection that all workers share. Its own handlers run one at a time, on any thread; a
/// handler of the server may run on another meanwhile. So the two share nothing but atomics and the
/// descriptor's number, and the server calls shutdown(2) on it, never Asio's close(): pending
/// operations then end by themselves. The descriptor is open as long as the connection is in the
/// list.
class SharedConnection : public ConnectionSocket, public boost::intrusive::list_base_hook<> {
 public:
  SharedConnection(Socket socket, Server& server);
  ~SharedConnection();

  [[nodiscard]] const server::Serving& serving() const;
  void touch();
  void echoed(std::size_t bytes);
  /// A deferred read would take the lock of the one queue, which costs as much as it saves.
  static constexpr bool reads_in_turn() { return false; }
  template <typename Handler>
  void sleep(std::chrono::nanoseconds time, Handler&& handler) {
    last_touch_.store(sleeping, std::memory_order_relaxed);
    wait(time, std::forward<Handler>(handler));
  }

 private:
  friend class Server;

  /// In place of a tick: the server delays the reply, so the connection is not idle.
  static constexpr std::uint64_t sleeping = UINT64_MAX;

  Server& server_;
  std::atomic<std::uint64_t> last_touch_;
  const unsigned opened_by_ = this_worker;  ///< the worker that counts its begin and end
  bool timed_out_ = false;                  ///< used by the server only
};

class Server {
 public:
  Server(const server::Serving& serving, unsigned workers)
      : serving_(serving),
        workers_(workers),
        io_(static_cast<int>(workers)),
        acceptor_(
            strand_, serving, std::move(serving.listeners.take().front()),
            [this](Socket socket) {
              std::make_shared<CallbackChain<SharedConnection>>(std::move(socket), *this)->read();
            }),
        stop_(strand_, serving.stop),
        idle_(strand_, serving.options.socket.idle_timeout) {}

  void run() {
    acceptor_.start();
    stop_.wait([this] { drain(); }, [this] { force_stop(); });
    idle_.start([this] { close_idle(); });
    server::run_workers(serving_, workers_, [this](unsigned worker) {
      this_worker = worker;
      io_.run();
    });
  }

 private:
  friend class SharedConnection;

  void drain() {
    if (serving_.stop.forced()) return force_stop();
    acceptor_.stop();
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (SharedConnection& connection : connections_)
      ::shutdown(connection.socket().native_handle(), SHUT_RD);
    if (connections_.empty()) io_.stop();
  }
  /// Pending operations are destroyed with the io_context, when no thread runs it any more.
  void force_stop() {
    forced_ = true;
    io_.stop();
  }
  void close_idle() {
    tick_.store(idle_.clock().now(), std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    for (SharedConnection& connection : connections_) {
      const std::uint64_t last = connection.last_touch_.load(std::memory_order_relaxed);
      if (last == SharedConnection::sleeping || connection.timed_out_) continue;
      if (!idle_.clock().expired(static_cast<server::IdleClock::Tick>(last))) continue;
      connection.timed_out_ = true;
      serving_.counters.timed_out();
      ::shutdown(connection.socket().native_handle(), SHUT_RDWR);
    }
  }

  const server::Serving& serving_;
  const unsigned workers_;
  std::atomic<server::IdleClock::Tick> tick_{0};  ///< of the idle clock, for all threads
  std::atomic<bool> forced_{false};

  std::mutex mutex_;  ///< taken when a connection begins and ends
  boost::intrusive::list<SharedConnection, boost::intrusive::constant_time_size<false>>
      connections_;
  bool draining_ = false;

  asio::io_context io_;  // after the list, which its connections leave on destruction
  Strand strand_{io_.get_executor()};
  AsioAcceptor acceptor_;
  StopEvents stop_;
  IdleScan idle_;
};

SharedConnection::SharedConnection(Socket socket, Server& server)
    : ConnectionSocket(std::move(socket)),
      server_(server),
      last_touch_(server.tick_.load(std::memory_order_relaxed)) {
  serving().counters.opened(opened_by_);
  const std::lock_guard lock(server_.mutex_);
  server_.connections_.push_back(*this);
}

SharedConnection::~SharedConnection() {
  bool last = false;
  {
    // Removed from the list before the descriptor is closed: a drain must never shut down a number
    // that the kernel has reused.
    const std::lock_guard lock(server_.mutex_);
    server_.connections_.erase(server_.connections_.iterator_to(*this));
    last = server_.draining_ && !server_.forced_ && server_.connections_.empty();
  }
  close();
  if (!server_.forced_) serving().counters.closed(opened_by_);
  if (last) server_.io_.stop();
}

const server::Serving& SharedConnection::serving() const {
  return server_.serving_;
}

void SharedConnection::touch() {
  last_touch_.store(server_.tick_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

void SharedConnection::echoed(std::size_t bytes) {
  touch();
  serving().counters.echoed(this_worker, 1, bytes);
}

/// CallbackChain, its shared_ptr block, Asio's per-descriptor state and malloc's rounding;
/// measured.
constexpr std::uint64_t connection_bytes = 672;

limits::Demand demand(unsigned workers, const server::ServerOptions& common,
                      std::uint64_t connections) {
  limits::Traits traits = limits::event_traits(connection_bytes, common.buffer_size);
  traits.fixed_threads += workers;
  return {.connections = connections, .traits = traits};
}

server::Configured configure(CLI::App& app) {
  auto workers = std::make_shared<std::uint64_t>(server::usable_processors());
  server::add_workers(app, *workers, "Threads that run the io_context");
  const auto count = [workers] { return static_cast<unsigned>(*workers); };
  return {
      .check = {},
      .shape = [count](const server::ServerOptions&) { return server::Shape{.workers = count()}; },
      .demand = [count](const server::ServerOptions& common,
                        std::uint64_t n) { return demand(count(), common, n); },
      .serve =
          [count](const server::Serving& serving) {
            Server{serving, count()}.run();
          }};
}

}  // namespace

extern constinit const server::Model shared_context{
    "shared-context", "Boost.Asio callbacks: several threads run one io_context", configure};

}  // namespace echo_async
