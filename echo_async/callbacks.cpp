// Canonical Boost.Asio: one thread, one io_context, a chain of callbacks for each connection.
//
// The file to learn Asio from. A session reads some, writes all of it, reads again: while it writes
// it does not read, so a peer that never reads fills its own socket buffers and nothing of ours
// (that is the back-pressure). A session lives as long as an operation of its own is pending,
// because each handler holds a shared_ptr to it. Asio hands the memory of a finished handler to the
// next one on the same thread, so an echo allocates nothing. It wins with many connections and
// little work in each; it breaks where a handler blocks: everyone waits. Try it: ./echo_async &
// ./client -n 10000
#include <fcntl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/intrusive/list.hpp>
#include <cerrno>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "echo/acceptor.hpp"
#include "echo/model.hpp"

namespace echo_async {
namespace {

namespace asio = boost::asio;
namespace intrusive = boost::intrusive;
using asio::ip::tcp;
using boost::system::error_code;

/// Leaves the list of open sessions by itself, when it is destroyed.
using Hook = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>>;

class Server;

/// One connection: read some, write it all, until EOF or an error.
class Session : public std::enable_shared_from_this<Session>, public Hook {
 public:
  Session(tcp::socket socket, const echo::Serving& serving, Server& server)
      : socket_(std::move(socket)),
        serving_(serving),
        server_(server),
        buffer_(serving.options.buffer_size) {
    serving_.counters.opened(0);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](error_code error, std::size_t received) {
                              if (error == asio::error::eof) return self->say_goodbye();
                              if (!error) self->write(received);
                            });
  }
  /// Lets the reader see EOF after what is queued: it is echoed, and then the session ends.
  void drain() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_receive, ignored);
  }
  void cut() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void write(std::size_t received) {
    const auto reply = serving_.protocol.reply_to(std::span(buffer_).first(received));
    // async_write goes on until all is out: a partial write is its business.
    asio::async_write(socket_, asio::buffer(reply.data(), reply.size()),
                      [self = shared_from_this()](error_code error, std::size_t written) {
                        if (error) return;
                        self->serving_.counters.echoed(0, 1, written);
                        self->read();
                      });
  }
  /// The peer has said all; what it sent is echoed by now, so FIN is the answer.
  void say_goodbye() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  tcp::socket socket_;
  const echo::Serving& serving_;
  Server& server_;
  std::vector<std::byte> buffer_;
};

class Server {
 public:
  explicit Server(const echo::Serving& serving)
      : serving_(serving),
        acceptor_(io_),
        pause_(io_),
        drain_(io_, duplicate(serving.stop.drain_fd())),
        force_(io_, duplicate(serving.stop.force_fd())) {
    echo::Descriptor listener = std::move(serving.listeners.take().front());
    const bool v6 = serving.listeners.where().family() == AF_INET6;
    acceptor_.assign(v6 ? tcp::v6() : tcp::v4(), listener.release());
  }

  void run() {
    accept();
    drain_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
      if (!error) drain();
    });
    force_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
      if (!error) cut();
    });
    io_.run();  // returns when no operation is pending: no session, no accept, no wait
  }

  /// With the last session gone, the wait for `force` is all that keeps run() from returning.
  void leave_when_empty() {
    if (draining_ && sessions_.empty()) force_.cancel();
  }

 private:
  /// A copy for Asio to own: it closes what it is given.
  static int duplicate(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
      throw std::system_error(errno, std::generic_category(), "dup of the stop descriptor");
    return copy;
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return after_failure(error.value());
      back_off_.reset();
      if (echo::admit(serving_.counters, serving_.counters.open(),
                      serving_.options.max_connections)) {
        start_session(std::move(socket));
      }
      accept();
    });
  }

  void start_session(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(serving_.options.nodelay), ignored);
    const auto session = std::make_shared<Session>(std::move(socket), serving_, *this);
    sessions_.push_back(*session);
    session->read();
  }

  void after_failure(int accept_errno) {
    switch (echo::advice_for(accept_errno)) {
      case echo::AcceptAdvice::nothing_waits:
      case echo::AcceptAdvice::retry:
        return accept();
      case echo::AcceptAdvice::shed:
        if (reserve_.shed_batch(acceptor_.native_handle(), serving_.counters)) back_off_.reset();
        return accept_after_pause();
      case echo::AcceptAdvice::back_off:
        serving_.counters.shed(echo::Shed::memory);
        return accept_after_pause();
      case echo::AcceptAdvice::fatal:
        throw std::system_error(accept_errno, std::generic_category(), "accept");
    }
  }

  void accept_after_pause() {
    pause_.expires_after(back_off_.next());
    pause_.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  void drain() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (Session& session : sessions_) session.drain();
    draining_ = true;
    leave_when_empty();
  }

  void cut() {
    for (Session& session : sessions_) session.cut();
  }

  const echo::Serving& serving_;
  asio::io_context io_{1};  // one thread: Asio leaves its locks out
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::posix::stream_descriptor drain_;
  asio::posix::stream_descriptor force_;
  echo::ReserveDescriptor reserve_;
  echo::BackOff back_off_;
  bool draining_ = false;
  intrusive::list<Session, intrusive::constant_time_size<false>> sessions_;
};

Session::~Session() {
  error_code ignored;
  socket_.close(ignored);
  if (!serving_.stop.forced()) serving_.counters.closed(0);
  unlink();
  server_.leave_when_empty();
}

/// Session, its shared_ptr block, Asio's per-descriptor state and malloc's rounding; measured.
constexpr std::uint64_t session_bytes = 640;

echo::Configured configure(CLI::App&) {
  return {.check = {},
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
