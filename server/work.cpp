#include "server/work.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "limits/cpu.hpp"
#include "limits/quantity.hpp"

namespace server {

using std::chrono::nanoseconds;

Work Work::parse(std::string_view text) {
  Work work;
  if (text == "none") return work;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (colon == std::string_view::npos || (kind != "cpu" && kind != "sleep")) {
    throw std::invalid_argument(fmt::format("\"{}\": {}", text, allowed));
  }
  work.amount_ = limits::parse_duration(text.substr(colon + 1));
  if (work.amount_ <= nanoseconds{0} || work.amount_ > std::chrono::hours{1}) {
    throw std::invalid_argument(fmt::format("\"{}\": a time above 0 and up to 1h", text));
  }
  work.kind_ = kind == "cpu" ? Kind::cpu : Kind::sleep;
  if (work.kind_ == Kind::cpu) {
    const double steps = static_cast<double>(work.amount_.count()) * steps_per_nanosecond();
    work.steps_ = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(steps));
  }
  return work;
}

/// Each step needs the result of the step before, so no processor can run two in parallel.
void Work::take_steps(std::uint64_t steps) {
  std::uint64_t value = steps;
  for (std::uint64_t i = 0; i < steps; ++i) {
    value = value * 6'364'136'223'846'793'005U + 1;
    asm volatile("" : "+r"(value));  // keeps the compiler from computing the chain's end itself
  }
}

double Work::steps_per_nanosecond() {
  constexpr std::uint64_t steps = 200'000;  // ~0.3 ms
  constexpr int tries = 7;
  double best = 0;  // the fastest try counts: other load can only slow one down
  for (int i = 0; i < tries; ++i) {
    const auto began = limits::thread_cpu_time();
    take_steps(steps);
    const auto took = std::max(limits::thread_cpu_time() - began, nanoseconds{1});
    best = std::max(best, static_cast<double>(steps) / static_cast<double>(took.count()));
  }
  return best;
}

void Work::block() const {
  compute();
  if (!sleeps()) return;
  timespec left{};
  left.tv_sec = amount_.count() / 1'000'000'000;
  left.tv_nsec = amount_.count() % 1'000'000'000;
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

std::string Work::text() const {
  if (kind_ == Kind::none) return "none";
  return fmt::format("{}:{}ns", kind_ == Kind::cpu ? "cpu" : "sleep", amount_.count());
}

}  // namespace server
