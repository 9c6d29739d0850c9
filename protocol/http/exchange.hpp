// The requests of one connection and their answers, in order, as a state machine without I/O.
//
// It is given bytes and room for bytes, and goes on until either is used up. It lives on the stack
// as long as requests come whole; what is unfinished afterwards (is_at_rest()) is kept on the heap
// by HttpProtocol. Its memory is bounded: a part of a head (--max-header), bytes received for which
// the answers had no room (one read), and the rest of one answer's head.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/http/answer.hpp"
#include "protocol/http/chunk_decoder.hpp"
#include "protocol/http/head_scanner.hpp"
#include "protocol/http/request.hpp"
#include "protocol/http/settings.hpp"
#include "protocol/protocol.hpp"

namespace protocol {

class Exchange {
 public:
  using Clock = Conversation::Clock;

  Exchange() = default;
  Exchange(Exchange&&) = default;
  Exchange& operator=(Exchange&&) = default;

  /// The Conversation's and the Protocol's functions; the bytes of a Turn lie in `room`.
  Turn on_received(const HttpSettings& settings, std::span<std::byte> got,
                   std::span<std::byte> room);
  Turn go_on(const HttpSettings& settings, std::span<std::byte> room);
  Turn on_time(const HttpSettings& settings, std::span<std::byte> room);
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }

  /// Nothing is unfinished: a new Exchange would go on in the same way.
  [[nodiscard]] bool is_at_rest() const;
  /// Bytes of heads and trailers looked at.
  [[nodiscard]] std::uint64_t scanned() const { return scanned_; }

 private:
  enum class Stage : std::uint8_t {
    head,     ///< of the next request
    body,     ///< of the request
    pattern,  ///< the answer's, which needs no more input
    last,     ///< the last answer is complete; `after_` follows
    linger
  };

  /// What one call works with.
  struct Call {
    const HttpSettings& settings;
    std::span<std::byte> in;  ///< not yet taken
    std::span<char> room;     ///< not yet written
    std::uint32_t messages = 0;
  };

  After advance(Call& call);
  Turn turn_of(const Call& call, std::span<std::byte> room, After after);
  [[nodiscard]] bool head_has_begun() const;

  bool take_head(Call& call);
  void begin_request(Call& call, std::span<char> head);
  void plan_answer(const HttpSettings& settings, const Request& request);
  bool take_body(Call& call);
  bool take_chunked(Call& call);
  void begin_chunk(Call& call, std::uint64_t size);
  void end_body(Call& call);
  void write_pattern_part(Call& call);

  void begin_answer(Call& call);
  void end_answer();
  void fail(Call& call, unsigned status);

  void put(Call& call, std::string_view text);
  bool flush(Call& call);

  // Of the request whose head or body is arriving.
  HeadScanner scanner_;
  Stage stage_ = Stage::head;
  After after_ = After::read;
  bool keeps_alive_ = true;
  bool answer_begun_ = false;
  bool answer_ended_ = false;  ///< its last bytes are written, or in unwritten_
  Answer answer_;
  ChunkDecoder chunks_;
  bool is_chunked_ = false;
  std::uint64_t left_ = 0;  ///< of the body by Content-Length, of the pattern, of --max-body
  std::uint64_t offset_ = 0;

  std::uint64_t lingered_ = 0;
  std::uint64_t scanned_ = 0;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::vector<char> head_;          ///< what has arrived of it, in several reads
  std::vector<std::byte> untaken_;  ///< received, and not taken for want of room
  std::size_t untaken_at_ = 0;
  std::string unwritten_;  ///< of an answer's head, for want of room
};

}  // namespace protocol
