#include "tests/stalls/signals.hpp"

#include <fstream>
#include <string>

namespace faults {

namespace {

/// Whether signal `number` is in the set `key` of /proc/PID/status.
bool is_in(const std::string& key, pid_t pid, int number) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    const unsigned long long set = std::stoull(line.substr(key.size()), nullptr, 16);
    return (set >> (number - 1) & 1U) != 0;
  }
  return false;
}

bool is_pending(pid_t pid, int number) {
  return is_in("ShdPnd:", pid, number);
}

}  // namespace

bool watches_signals(pid_t pid) {
  return is_in("SigBlk:", pid, SIGHUP);
}

void send(const Program& program, const Stopping& way) {
  program.signal(way.number);
  if (!way.twice) return;
  // A second signal that comes before the first was read is one with it (signal(7)).
  for (int tries = 0; tries < 2'000 && is_pending(program.pid(), way.number); ++tries)
    ::poll(nullptr, 0, 10);
  ::poll(nullptr, 0, static_cast<int>(between_signals.count()));
  program.signal(way.number);
}

}  // namespace faults
