// libFuzzer on the server's half of HTTP: any bytes, cut anywhere, with any settings.
//
// The first four bytes choose the settings and the cuts; the others are received, once in large
// reads and once cut. Both must be answered with the same bytes. Each Turn obeys the interface
// (HttpDriver), the answers are framed well, and the memory of a connection is bounded.
//
//   build-asan/tests/http_request_fuzz -max_total_time=3600 -dict=tests/fuzz/http.dict
//       CORPUS tests/fuzz/corpus/http_request      (one line; CORPUS keeps what is found)
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/settings.hpp"
#include "tests/protocol/answer_reader.hpp"
#include "tests/protocol/http_driver.hpp"

namespace {

/// An answer may have 2^63 bytes; the peer goes away when it has received so many.
constexpr std::size_t most_received = 1U << 18U;

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what.c_str());
  std::abort();
}

protocol::HttpSettings settings_of(unsigned choice) {
  using protocol::HttpClose;
  protocol::HttpSettings settings = tests::fixed_settings();
  settings.max_header = (choice & 1U) != 0 ? 128 : 16384;
  if ((choice & 2U) != 0) settings.max_body = 16;
  settings.one_message_per_turn = (choice & 4U) != 0;
  if ((choice & 8U) != 0) settings.request_timeout = std::chrono::seconds{10};
  if ((choice & 16U) != 0) settings.close = static_cast<HttpClose>(choice >> 5U & 3U);
  return settings;
}

/// Places in `bytes`, each the next one or further on by at most `longest`.
std::vector<std::size_t> cuts_of(std::size_t bytes, unsigned seed, unsigned longest) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = 0; at < bytes;) {
    seed = seed * 1103515245U + 12345U;
    at += 1 + (seed >> 16U) % (longest + 1);
    cuts.push_back(at);
  }
  return cuts;
}

tests::HttpDriver answered(protocol::HttpSettings settings, std::uint64_t buffer_size,
                           std::string_view bytes, const std::vector<std::size_t>& cuts) {
  settings.buffer_size = buffer_size;
  tests::HttpDriver driver{settings};
  driver.leave_after(most_received);
  driver.receive(bytes, cuts);
  require(driver.fault().empty(), driver.fault());
  // Pieces of a head grow by doubling; and once what was received, and an answer's head.
  const auto bound = static_cast<std::ptrdiff_t>(2 * settings.max_header + 2 * buffer_size + 4096);
  require(driver.most_kept() <= bound, "memory: " + std::to_string(driver.most_kept()));
  return driver;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t choices = 4;
  if (size < choices) return 0;
  const protocol::HttpSettings settings = settings_of(data[0]);
  const std::string_view bytes{reinterpret_cast<const char*>(data) + choices, size - choices};
  require(tests::is_read_alike(bytes), "Boost.Beast reads another request");
  tests::HttpDriver whole = answered(settings, 65536, bytes, {});
  tests::HttpDriver cut =
      answered(settings, 1U + data[1] * 4U, bytes, cuts_of(bytes.size(), data[2], data[3]));
  const std::size_t compared =
      whole.has_left() || cut.has_left() ? most_received : std::string::npos;
  require(std::string_view{whole.sent()}.substr(0, compared) ==
              std::string_view{cut.sent()}.substr(0, compared),
          "the answers differ:\n" + whole.sent() + "\n" + cut.sent());
  if (compared == most_received) return 0;
  require(whole.messages() == cut.messages(), "the counts differ");
  require(whole.after() == cut.after(), "the ends differ");
  require(whole.is_at_rest() == cut.is_at_rest(), "one is not at rest");
  // The answer to a HEAD has no body: how many there are is not known here.
  if (bytes.find("HEAD") == std::string_view::npos) {
    const std::string fault = tests::read_answers(whole.sent()).fault;
    require(fault.empty(), fault + "\n" + whole.sent());
  }
  if (whole.slot() &&
      whole.slot()->deadline() != protocol::Conversation::Clock::time_point::max()) {
    whole.time_out();
    require(whole.fault().empty(), whole.fault());
    require(!whole.is_open(), "open after the timeout");
  }
  return 0;
}
