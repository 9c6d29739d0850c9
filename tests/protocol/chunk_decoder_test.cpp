// The decoder of chunked bodies by itself: its events, at each cut.
#include "protocol/http/chunk_decoder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tests {
namespace {

using protocol::ChunkDecoder;
using What = ChunkDecoder::What;

constexpr std::size_t limit = 100;

/// The events of `bytes`, given in pieces of `piece`, as text; data are joined.
std::string events_of(std::string_view bytes, std::size_t piece, std::size_t most_data) {
  ChunkDecoder decoder;
  std::string events;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view given = bytes.substr(at, piece);
    const auto event = decoder.next(given, most_data, limit);
    switch (event.what) {
      case What::more:
        EXPECT_EQ(event.taken, given.size());
        break;
      case What::chunk:
        events += "(" + std::to_string(event.size) + ":";
        break;
      case What::data:
        EXPECT_LE(event.size, most_data);
        events += given.substr(0, static_cast<std::size_t>(event.size));
        break;
      case What::end_of_chunk:
        events += ")";
        break;
      case What::end:
        return events + "end " + std::to_string(bytes.size() - at - event.taken);
      case What::error:
        return events + "error " + std::to_string(event.size);
    }
    at += event.taken;
  }
  return events + "more";
}

TEST(ChunkDecoder, ReportsTheSameHoweverTheBytesAreCut) {
  struct Case {
    const char* bytes;
    const char* events;
  };
  for (const Case& each : {
           Case{"0\r\n\r\n", "end 0"},
           Case{"0\r\n\r\nGET", "end 3"},
           Case{"5\r\nhello\r\n0\r\n\r\n", "(5:hello)end 0"},
           Case{"a;x=\"y\"\r\n0123456789\r\n3 ; z\r\nabc\r\n0\r\nA: b\r\n\r\n",
                "(10:0123456789)(3:abc)end 0"},
           Case{"7fffffffffffffff\r\nx", "(9223372036854775807:xmore"},
           Case{"5\r\nhello\r\r", "(5:helloerror 400"},
           Case{"5\r\nhello\r\n0\r\n\rX", "(5:hello)error 400"},
           Case{"0\r\n: x", "error 400"},
           Case{"g", "error 400"},
           Case{"5;a=b c\r\n", "error 400"},
       }) {
    for (std::size_t piece = 1; piece < 40; ++piece) {
      for (const std::size_t most_data : {std::size_t{1}, std::size_t{3}, std::size_t{1000}})
        EXPECT_EQ(events_of(each.bytes, piece, most_data), each.events) << piece;
    }
  }
}

TEST(ChunkDecoder, CountsExtensionsAndTrailersAgainstOneLimit) {
  const std::string long_name(60, 'x');
  const std::string one = "1;" + long_name + "\r\ny\r\n";
  EXPECT_EQ(events_of(one + "0\r\n\r\n", 7, 9), "(1:y)end 0");
  EXPECT_EQ(events_of(one + one, 7, 9), "(1:y)error 431");
  EXPECT_EQ(events_of(one + "0\r\n" + long_name, 7, 9), "(1:y)error 431");
  // The limit exactly: ";" and 99 characters; and a trailer of 100 with its line's end.
  EXPECT_EQ(events_of("0;" + std::string(99, 'x') + "\r\n\r\n", 7, 9), "end 0");
  EXPECT_EQ(events_of("0;" + std::string(100, 'x') + "\r\n\r\n", 7, 9), "error 431");
  EXPECT_EQ(events_of("0\r\nx:" + std::string(96, 'y') + "\r\n\r\n", 7, 9), "end 0");
  EXPECT_EQ(events_of("0\r\nx:" + std::string(97, 'y') + "\r\n\r\n", 7, 9), "error 431");
}

}  // namespace
}  // namespace tests
