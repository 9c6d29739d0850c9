#include "tests/stalls/signals.hpp"

#include <fstream>
#include <string>

namespace faults {

bool watches_signals(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  const std::string key = "SigBlk:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    const unsigned long long blocked = std::stoull(line.substr(key.size()), nullptr, 16);
    return (blocked >> (SIGHUP - 1) & 1U) != 0;
  }
  return false;
}

void send(const Program& program, const Stopping& way) {
  program.signal(way.number);
  if (!way.twice) return;
  ::poll(nullptr, 0, static_cast<int>(between_signals.count()));
  program.signal(way.number);
}

}  // namespace faults
