// The chain of callbacks: read some bytes, work, write all of the reply, read again.
//
// While it writes it does not read, so a peer that never reads fills socket buffers and no user
// memory of the server (back-pressure). A chain lives as long as one of its operations is pending,
// because each handler holds a shared_ptr to it: after an error it starts no operation, and so
// ends. Asio passes the memory of a finished handler to the next one on the same thread, so an echo
// allocates nothing.
#pragma once

#include <boost/asio/defer.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <memory>
#include <span>
#include <utility>

#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/connection_socket.hpp"
#include "server/counters.hpp"
#include "server/work.hpp"

namespace echo_async {

/// `Base`: the connection as its server sees it (AsioConnection of loop.hpp, or another), a
/// ConnectionSocket with serving(), touch(), sleep(time, handler), echoed(bytes) and
/// reads_in_turn(). One operation is in flight at a time and starts the next: two handlers of a
/// chain never run at the same time, on any number of threads.
template <typename Base>
class CallbackChain : public std::enable_shared_from_this<CallbackChain<Base>>, public Base {
 public:
  template <typename Server>
  CallbackChain(Socket socket, Server& server)
      : Base(std::move(socket), server), buffer_(this->serving().options.buffer_size) {}

  void read() {
    this->socket().async_read_some(
        asio::buffer(buffer_.all().data(), buffer_.all().size()),
        [self = this->shared_from_this()](error_code error, std::size_t received) {
          if (!error) self->guard([&] { self->work_on(self->buffer_.all().first(received)); });
        });
  }

 private:
  /// A bug or a lack of memory ends this connection only: none of its operations is pending then,
  /// and the running handler is the last to hold it. Otherwise run() would throw and end all
  /// connections.
  template <typename Step>
  void guard(Step step) {
    try {
      step();
    } catch (const std::exception&) {
      this->serving().counters.shed(server::Shed::exception);
    }
  }

  void work_on(std::span<std::byte> received) {
    this->touch();
    const server::Work& work = this->serving().work;
    work.compute();
    if (!work.sleeps()) return write(received);
    this->sleep(work.amount(), [self = this->shared_from_this(), received](error_code error) {
      if (!error) self->guard([&] { self->write(received); });
    });
  }

  void write(std::span<std::byte> received) {
    this->touch();
    const auto reply = this->serving().protocol.reply_to(received);
    const auto rest = this->send_now(reply);
    if (rest.empty()) return wrote(reply.size());
    // async_write continues until all is written: it handles partial writes.
    asio::async_write(
        this->socket(), asio::buffer(rest.data(), rest.size()),
        [self = this->shared_from_this(), size = reply.size()](error_code error, std::size_t) {
          if (!error) self->guard([&] { self->wrote(size); });
        });
  }

  void wrote(std::size_t bytes) {
    this->echoed(bytes);
    if (!this->reads_in_turn()) return read();
    asio::defer(this->socket().get_executor(),
                [self = this->shared_from_this()] { self->guard([&] { self->read(); }); });
  }

  Buffer buffer_;
};

}  // namespace echo_async
