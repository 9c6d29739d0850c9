// Boost.Asio as its documentation shows it: one thread, one io_context, one chain of callbacks per
// connection.
//
// The life of a connection is in two files. This one is the chain: read, work, write, end;
// asio/loop.cpp accepts and stops. Below them are asio/connection_list.hpp, asio_acceptor.hpp
// and late_chain.hpp.
// It wins with many connections and little work in each; it breaks where a handler blocks or
// computes for a long time, because all other connections then wait. Source: the reference server
// of 10kthreads, the program that this one descends from ("Is thread per connection scalable?").
// Compare: diff echo_async/callbacks.cpp echo_async/coroutines.cpp
// Try it: ./echo_async & ./client -n 10000
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/loop.hpp"

namespace echo_async {
namespace {

/// One operation is pending at a time, and its handler starts the next. While a chain writes it
/// does not read, so a peer that never reads fills socket buffers and no memory of the server.
class CallbackChain : public std::enable_shared_from_this<CallbackChain>, public AsioConnection {
  /// The handler of an operation: calls `step`, unless there was an error, such as EOF. It owns the
  /// connection. Without a further step the last handler ends, and with it the connection, which
  /// closes its socket: FIN, in a drain only when its peer has read (late_chain.hpp). An exception
  /// in a step ends this connection only.
  template <typename Step>
  auto then(Step step) {
    return [self = shared_from_this(), step](error_code error = {}, std::size_t bytes = 0) {
      if (error && !self->has_turn(error)) return;
      try {
        step(bytes);
      } catch (const std::exception&) {
        self->serving().counters.shed(server::Shed::exception);
        self->abandon();
      }
    };
  }

 public:
  CallbackChain(Socket socket, Loop& loop)
      : AsioConnection(std::move(socket), loop.connections()),
        buffer_(serving().options.buffer_size) {}

  void read() {
    read_some(buffer_.all(), then([this](std::size_t received) { work(received); }));
  }

 private:
  void work(std::size_t received) {
    protocol::Turn turn = answer_to(buffer_.all().first(received));
    if (!serving().work.suspends(turn.messages)) [[likely]]
      return write(turn);
    turn.bytes = buffer_.keep(turn.bytes);
    sleep(serving().work.amount(), then([this, turn](std::size_t) { write(turn); }));
  }

  void write(const protocol::Turn& turn) {
    const auto rest = send_now(turn.bytes);  // nearly always all: nothing is left to wait for
    if (rest.empty()) return wrote(turn, turn.bytes.size());
    sent(turn.bytes.size() - rest.size());
    send_rest(*this, buffer_.keep(rest), then([this, turn](std::size_t) { wrote(turn, 0); }));
  }

  /// All of the turn is sent, and `bytes` of it are not counted yet.
  void wrote(const protocol::Turn& turn, std::size_t bytes) {
    answered(turn, bytes);
    if (stays_after(turn.after)) read();
  }

  Buffer buffer_;
};

void serve(const server::Serving& serving) {
  Loop loop{serving};
  loop.run(
      [&loop](Socket socket) { std::make_shared<CallbackChain>(std::move(socket), loop)->read(); });
}

/// CallbackChain, the control block of its shared_ptr, Asio's state per descriptor and the rounding
/// of malloc; measured.
constexpr std::uint64_t connection_bytes = 684;

server::Configured configure(CLI::App&) {
  return configured_loop(connection_bytes, serve);
}

}  // namespace

extern constinit const server::Model callbacks{
    "callbacks", "Boost.Asio as its documentation has it: one thread, callbacks", configure,
    server::TableUse::loop};

}  // namespace echo_async
