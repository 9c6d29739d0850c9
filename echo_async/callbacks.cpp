// Canonical Boost.Asio: one thread, one io_context, a chain of callbacks for each connection.
//
// The file to learn Asio from. A session reads some, writes all of it, reads again: while it writes
// it does not read, so a peer that never reads fills its own socket buffers and nothing of ours
// (that is the back-pressure). A session lives as long as an operation of its own is pending,
// because each handler holds a shared_ptr to it. Asio hands the memory of a finished handler to the
// next one on the same thread, so an echo allocates nothing. It wins with many connections and
// little work in each; it breaks where a handler blocks or computes for long: everyone waits.
// Source: 10kthreads' reference server. Try it: ./echo_async & ./client -n 10000
#include <boost/asio/write.hpp>
#include <boost/intrusive/list.hpp>
#include <memory>
#include <span>
#include <vector>

#include "echo/model.hpp"
#include "echo_async/door.hpp"
#include "echo_async/idle_scan.hpp"
#include "echo_async/stop_signs.hpp"

namespace echo_async {
namespace {

namespace intrusive = boost::intrusive;

/// Leaves the list of open sessions by itself, when it is destroyed.
using Hook = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>>;

class Server;

/// One connection: read some, write it all, until EOF or an error.
class Session : public std::enable_shared_from_this<Session>, public Hook {
 public:
  Session(Socket socket, Server& server);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  void read();
  /// Lets the reader see EOF after what is queued: it is echoed, and then the session ends.
  void drain() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_receive, ignored);
  }
  void cut() {
    error_code ignored;
    socket_.close(ignored);
    if (nap_) nap_->cancel();
  }
  /// Waits for its peer, and has for too long. What we make wait ourselves is not idle.
  [[nodiscard]] bool is_idle() const;

 private:
  void work_on(std::span<std::byte> received);
  void write(std::span<std::byte> received);

  Socket socket_;
  Server& server_;
  std::unique_ptr<Timer> nap_;  ///< only with --work sleep:
  std::vector<std::byte> buffer_;
  echo::IdleClock::Tick last_byte_;
  bool naps_ = false;
};

class Server {
 public:
  explicit Server(const echo::Serving& serving)
      : serving_(serving),
        door_(io_, serving, std::move(serving.listeners.take().front()),
              [this](Socket socket) { enter(std::move(socket)); }),
        stop_(io_, serving.stop),
        idle_(io_, serving.options.socket.idle_timeout) {}

  void run() {
    door_.open();
    stop_.wait([this] { drain(); }, [this] { cut(); });
    idle_.start([this] { close_idle(); });
    io_.run();  // returns when no operation is pending: no session, no accept, no wait
  }

  [[nodiscard]] const echo::Serving& serving() const { return serving_; }
  [[nodiscard]] const echo::IdleClock& clock() const { return idle_.clock(); }
  /// Whether those that end now are cut off, and not closed.
  [[nodiscard]] bool is_forced() const { return forced_; }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }

  /// With the last session gone, waits of our own are all that keeps run() from returning.
  void leave_when_empty() {
    if (!draining_ || !sessions_.empty()) return;
    stop_.forget();
    idle_.stop();
  }

 private:
  void enter(Socket socket) {
    const auto session = std::make_shared<Session>(std::move(socket), *this);
    sessions_.push_back(*session);
    session->read();
  }
  void drain() {
    if (serving_.stop.forced()) return cut();
    door_.close();
    for (Session& session : sessions_) session.drain();
    draining_ = true;
    leave_when_empty();
  }
  void cut() {
    door_.close();
    draining_ = forced_ = true;
    for (Session& session : sessions_) session.cut();
    leave_when_empty();
  }
  void close_idle() {
    for (Session& session : sessions_) {
      if (!session.is_idle()) continue;
      serving_.counters.timed_out();
      session.cut();
    }
  }

  const echo::Serving& serving_;
  asio::io_context io_{1};  // one thread: Asio leaves its locks out
  Door door_;
  StopSigns stop_;
  IdleScan idle_;
  bool draining_ = false;
  bool forced_ = false;
  intrusive::list<Session, intrusive::constant_time_size<false>> sessions_;
};

Session::Session(Socket socket, Server& server)
    : socket_(std::move(socket)),
      server_(server),
      buffer_(server.serving().options.buffer_size),
      last_byte_(server.clock().now()) {
  server.serving().counters.opened(0);
}

Session::~Session() {
  error_code ignored;
  socket_.close(ignored);
  if (!server_.is_forced()) server_.serving().counters.closed(0);
  unlink();
  server_.leave_when_empty();
}

bool Session::is_idle() const {
  return !naps_ && server_.clock().expired(last_byte_);
}

void Session::read() {
  // An error ends the session: nobody holds it any more. At EOF all that came has been echoed, and
  // closing the socket sends the FIN.
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](error_code error, std::size_t received) {
                            if (!error) self->work_on(std::span(self->buffer_).first(received));
                          });
}

void Session::work_on(std::span<std::byte> received) {
  last_byte_ = server_.clock().now();
  const echo::Work& work = server_.serving().work;
  work.compute();
  if (!work.sleeps()) return write(received);
  if (!nap_) nap_ = std::make_unique<Timer>(server_.executor());
  nap_->expires_after(work.amount());
  naps_ = true;
  nap_->async_wait([self = shared_from_this(), received](error_code error) {
    if (error) return;
    self->naps_ = false;
    self->last_byte_ = self->server_.clock().now();
    self->write(received);
  });
}

void Session::write(std::span<std::byte> received) {
  const auto reply = server_.serving().protocol.reply_to(received);
  // async_write goes on until all is out: a partial write is its business.
  asio::async_write(socket_, asio::buffer(reply.data(), reply.size()),
                    [self = shared_from_this()](error_code error, std::size_t written) {
                      if (error) return;
                      self->last_byte_ = self->server_.clock().now();
                      self->server_.serving().counters.echoed(0, 1, written);
                      self->read();
                    });
}

/// Session, its shared_ptr block, Asio's per-descriptor state and malloc's rounding; measured.
constexpr std::uint64_t session_bytes = 640;

echo::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand =
              [](const echo::ServerOptions& common, std::uint64_t connections) {
                return limits::Demand{connections,
                                      limits::event_traits(session_bytes, common.buffer_size)};
              },
          .serve = [](const echo::Serving& serving) { Server{serving}.run(); }};
}

}  // namespace

extern constinit const echo::Model callbacks{
    "callbacks", "Boost.Asio as its documentation has it: one thread, callbacks", configure};

}  // namespace echo_async
