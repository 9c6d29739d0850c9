// The parts of the floor client: message, histogram, measured window, the two loads.
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
/// 127.1.0.0 to 127.254.255.255, the sources of the client.
constexpr std::uint32_t pool_first = 0x7f010000U;
constexpr std::uint32_t pool_size = 254U << 16U;
/// The run is given up after this time without an event.
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

/// Unique per connection and number: the product with an odd constant is a bijection, and each word
/// adds another multiple of it.
inline Message message_of(std::uint32_t connection, std::uint32_t number) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t first = ((std::uint64_t{connection} << 32U) | number) * odd + odd;
  Message message;
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = first + i * (odd << 8U);
  return message;
}

/// Receives a whole message of 64 B and compares every byte. False: nothing has arrived yet. More,
/// fewer or other bytes end the program: on loopback a message of 64 B arrives in one piece.
bool receive_and_verify(int fd, const Message& expected);

/// Log-linear, 128 bins per doubling, as in the client.
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

/// The measured window: it begins at the end of the warm-up and lasts options.seconds. CPU is read
/// from the CPU clocks of the processes.
class Window {
 public:
  explicit Window(const Options& options);
  /// Begins the warm-up. In a stream it begins when every connection is served, so that the window
  /// contains no accept and no thread start; in churn it begins immediately.
  void warm_up_from(std::int64_t now) { edge_ = now + warm_up_; }
  /// The time at which cross() is to be called.
  [[nodiscard]] std::int64_t edge() const { return edge_; }
  [[nodiscard]] bool over() const { return over_; }
  void cross(std::int64_t now, std::uint64_t echoes, std::uint64_t waits);
  /// One line of JSON. `all_echoes`: of the whole run, including outside the window.
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

/// A non-blocking socket bound to `source`, with its connect in progress. `nodelay`: sets
/// TCP_NODELAY, which is one call more.
int begin_connect(std::uint16_t port, std::uint32_t source, bool nodelay);
void watch(int epoll, int fd, std::uint32_t events, std::uint32_t index);
/// Differs from run to run; otherwise TIME_WAIT sockets of the previous run would be measured.
std::uint32_t first_source();

/// Keeps one message in flight on each of the established connections. Waits for the messages in
/// flight at the end of the window.
void stream(const Options& options, int epoll, const std::vector<int>& fds);
/// Connect, one echo, close, repeat, on options.connections connections at once.
void churn(const Options& options, int epoll);

}  // namespace bench
