// Decodes a chunked body (RFC 9112 7.1) as it arrives, strictly.
//
// Boost.Beast 1.81 is not used for this: it takes spaces after a size, accepts any bytes in a
// quoted extension value, searches a line again from its beginning for each piece of it, and does
// not bound extensions and trailers. A chunk here is 1*HEXDIG below 2^63, extensions by the
// grammar, CRLF, the data, CRLF; trailers are field lines like those of a head, and are discarded.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/http/head_scanner.hpp"

namespace protocol {

class ChunkDecoder {
 public:
  enum class What : std::uint8_t {
    more,   ///< all bytes are taken, and the body goes on
    chunk,  ///< a chunk of `size` bytes begins; never 0
    data,   ///< `size` of its bytes
    end_of_chunk,
    end,   ///< of the body, after the trailers
    error  ///< `size`: the status of the answer
  };
  struct Event {
    What what = What::more;
    std::size_t taken = 0;  ///< of the bytes given
    std::uint64_t size = 0;
  };

  /// Takes bytes up to the next event. Data are the first `size` of the bytes given; at most
  /// `most_data` are taken, and with 0 no data. `limit`: bytes of extensions and trailers in all.
  Event next(std::string_view bytes, std::size_t most_data, std::size_t limit);

  /// Bytes of extensions and trailers so far.
  [[nodiscard]] std::size_t overhead() const { return overhead_; }

 private:
  enum class State : std::uint8_t {
    size_start,
    size,
    // Of an extension: BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ]
    before_semicolon,
    before_name,
    name,
    after_name,
    before_value,
    value,
    quoted,
    quoted_pair,
    after_quoted,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailers,
    wrong
  };

  bool take(char character);
  bool take_of_size(char character);
  bool take_of_extension(char character);
  bool take_after_token(char character, bool may_have_value);
  Event take_data(std::string_view bytes, std::size_t most_data);
  Event take_trailers(std::string_view bytes, std::size_t limit, std::size_t taken);
  Event fail(std::size_t taken, unsigned status);

  std::uint64_t size_ = 0;  ///< of the chunk; then what is left of it
  std::size_t overhead_ = 0;
  HeadScanner trailers_ = HeadScanner::of_trailers();
  State state_ = State::size_start;
  std::uint8_t digits_ = 0;
};

}  // namespace protocol
