// The parts of the floor client: a message, a histogram, a window of measurement, the two loads.
#pragma once

#include <sys/types.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "bench/floor.hpp"

namespace bench {

constexpr std::size_t message_bytes = 64;
/// 127.1.0.0 to 127.254.255.255, as the client's sources.
constexpr std::uint32_t pool_first = 0x7f010000U;
constexpr std::uint32_t pool_size = 254U << 16U;
/// Nothing came for so long: the run is over.
constexpr int patience_ms = 5000;

struct Options {
  enum class Mode : std::uint8_t { establish, stream, churn } mode = Mode::establish;
  std::uint16_t port = 0;
  std::uint32_t connections = 0;
  double seconds = 0;
  double warm_up = 0;
  pid_t server = 0;             ///< 0: none
  std::vector<pid_t> softirqs;  ///< the kernel's ksoftirqd threads
};

using Message = std::array<std::uint64_t, message_bytes / sizeof(std::uint64_t)>;

/// Unique to connection and number: the product with an odd constant is a bijection, and each word
/// adds another multiple of it.
inline Message message_of(std::uint32_t connection, std::uint32_t number) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t first = ((std::uint64_t{connection} << 32U) | number) * odd + odd;
  Message message;
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = first + i * (odd << 8U);
  return message;
}

/// Receives a whole message of 64 B and compares every byte. False: nothing there yet. More, less
/// or other bytes end the program: on loopback a message of 64 B comes in one piece.
bool receive_and_verify(int fd, const Message& expected);

/// Log-linear, 128 bins in each doubling: the client's layout.
class Histogram {
 public:
  void record(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(ns) & ((std::uint64_t{1} << 40U) - 1);
    ++bins_[index(value)];
    ++count_;
  }
  [[nodiscard]] std::uint64_t percentile(double percent) const;  ///< lower edge of its bin, ns

 private:
  static std::size_t index(std::uint64_t value) {
    if (value < 256) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 8U;
    return (std::size_t{shift} << 7U) + (value >> shift);
  }
  std::array<std::uint64_t, std::size_t{34} << 7U> bins_{};
  std::uint64_t count_ = 0;
};

/// What is measured: from the end of the warm-up on, for so many seconds, by the processes' CPU
/// clocks.
class Window {
 public:
  explicit Window(const Options& options);
  /// The warm-up begins: a stream's when every connection is served, so that the window holds no
  /// accepting and no starting of threads; churn's at once.
  void warm_up_from(std::int64_t now) { edge_ = now + warm_up_; }
  /// The moment at which cross() is due.
  [[nodiscard]] std::int64_t edge() const { return edge_; }
  [[nodiscard]] bool over() const { return over_; }
  void cross(std::int64_t now, std::uint64_t echoes, std::uint64_t waits);
  /// One line of JSON. `all_echoes`: of the whole run, outside of the window too.
  void print(const Options& options, const Histogram& histogram, std::uint64_t all_echoes) const;

 private:
  struct Sample {
    std::int64_t at = 0;
    std::int64_t client = 0;
    std::int64_t server = 0;
    std::int64_t softirq = 0;
    std::uint64_t echoes = 0;
    std::uint64_t waits = 0;
  };

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::int64_t warm_up_;
  std::int64_t length_;
  std::int64_t edge_ = never;
  clockid_t server_ = 0;
  std::vector<clockid_t> softirqs_;
  bool begun_ = false;
  bool over_ = false;
  Sample begin_;
  Sample end_;
};

/// A non-blocking socket bound to `source`, its connect begun. `nodelay`: TCP_NODELAY, one call
/// more.
int begin_connect(std::uint16_t port, std::uint32_t source, bool nodelay);
void watch(int epoll, int fd, std::uint32_t events, std::uint32_t index);
/// Sources differ from run to run: TIME_WAIT of the last one would be timed otherwise.
std::uint32_t first_source();

/// One message in flight on each of the connections, which stand already. What is in flight at the
/// window's end is awaited.
void stream(const Options& options, int epoll, const std::vector<int>& fds);
/// Connect, one echo, close, again, on as many connections at once.
void churn(const Options& options, int epoll);

}  // namespace bench
