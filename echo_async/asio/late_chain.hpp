// A connection whose model has ended it in a drain, and whose peer has not read all of the echoes.
//
// From its FIN on the kernel would answer what the peer sends with RST, and discard the echoes
// (server/send_queue.hpp). So a connection that ends in a drain passes its socket on to a chain of
// callbacks, which reads again after a pause, and echoes what has come: the peer may want to write
// all before it begins to read. At EOF the chain ends, and may pass the socket on once more. The
// models contain nothing of this, and an echo outside of a drain pays nothing for it.
#pragma once

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/connection_socket.hpp"
#include "protocol/protocol.hpp"
#include "server/counters.hpp"
#include "server/work.hpp"

namespace echo_async {

/// `Base`: AsioConnection or SharedConnection. As in the models with callbacks, the pending handler
/// owns the connection.
template <typename Base>
class LateChain : public std::enable_shared_from_this<LateChain<Base>>, public Base {
 public:
  /// Takes the socket of `ended`, and its place in the counters.
  LateChain(Base& ended, Buffer buffer) noexcept
      : Base(TakeOver{}, ended), buffer_(std::move(buffer)) {}

  void read_after(std::chrono::nanoseconds pause) {
    this->sleep(pause, then([this] { read(); }));
  }

 private:
  template <typename Step>
  auto then(Step step) {
    return [self = this->shared_from_this(), step](error_code error = {}) {
      if (error) return;
      try {
        step();
      } catch (const std::exception&) {
        self->serving().counters.shed(server::Shed::exception);
        self->abandon();
      }
    };
  }

  void read() {
    const std::size_t received = this->goes_on() ? 0 : this->read_now(buffer_.all());
    if (received == 0 && !this->goes_on()) return;
    protocol::Turn turn = this->answer_to(buffer_.all().first(received));
    const server::Work& work = this->serving().work;
    if (!work.suspends(turn.messages)) return write(turn);
    turn.bytes = buffer_.keep(turn.bytes);
    this->sleep(work.amount(), then([this, turn] { write(turn); }));
  }

  void write(const protocol::Turn& turn) {
    const auto rest = this->send_now(turn.bytes);
    if (rest.empty()) return wrote(turn, turn.bytes.size());
    this->sent(turn.bytes.size() - rest.size());
    send_rest(*this, buffer_.keep(rest), then([this, turn] { wrote(turn, 0); }));
  }

  void wrote(const protocol::Turn& turn, std::size_t bytes) {
    this->answered(turn, bytes);
    if (!this->stays_after(turn.after)) return;
    asio::post(this->socket().get_executor(), then([this] { read(); }));
  }

  Buffer buffer_;
};

/// For the destructor of a connection: passes its socket on to a chain that reads after `pause`.
/// False: there is no memory for it.
template <typename Base>
bool continue_late(Base& ended, std::chrono::nanoseconds pause) noexcept {
  std::shared_ptr<LateChain<Base>> chain;
  try {
    Buffer buffer{ended.serving().options.buffer_size};
    chain = std::make_shared<LateChain<Base>>(ended, std::move(buffer));
    chain->read_after(pause);
  } catch (const std::exception&) {
    ended.serving().counters.shed(server::Shed::memory);
    if (chain) ::shutdown(chain->socket().native_handle(), SHUT_RDWR);  // so that it is not late
  }
  return chain != nullptr;
}

}  // namespace echo_async
