// Reads frames as a program does that started a client.
#pragma once

#include <boost/crc.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace client::fixtures {

struct Frame {
  std::uint32_t rank = 0;
  std::string kind, text;
  friend bool operator==(const Frame&, const Frame&) = default;
};

/// The complete frames in `stream`, in the order of their last parts. All else is left out.
inline std::vector<Frame> frames_in(const std::string& stream) {
  std::vector<Frame> frames;
  std::map<std::string, std::pair<std::size_t, std::string>> begun;  // parts so far, and their text
  std::istringstream lines{stream};
  for (std::string line; std::getline(lines, line);) {
    unsigned rank = 0;
    unsigned crc = 0;
    unsigned long part = 0;
    unsigned long parts = 0;
    char kind[32] = {};
    int text_at = 0;
    if (std::sscanf(line.c_str(), "@echo-testbed %u %20s %lu/%lu %8x%n", &rank, kind, &part, &parts,
                    &crc, &text_at) != 5) {
      continue;
    }
    const std::string text = line.substr(static_cast<std::size_t>(text_at) + 1);
    const std::string key = std::to_string(rank) + " " + kind;
    const std::string covered =
        key + " " + std::to_string(part) + "/" + std::to_string(parts) + " " + text;
    boost::crc_32_type sum;
    sum.process_bytes(covered.data(), covered.size());
    auto& [count, whole] = begun[key];
    if (part == 1) count = 0, whole.clear();
    if (sum.checksum() != crc || part != count + 1) {
      begun.erase(key);
      continue;
    }
    ++count;
    whole += text;
    if (part < parts) continue;
    frames.push_back({rank, kind, whole});
    begun.erase(key);
  }
  return frames;
}

}  // namespace client::fixtures
