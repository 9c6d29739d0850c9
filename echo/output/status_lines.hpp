// Lines on stderr: progress, which never waits for its reader, and messages, which wait a second.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "echo/output/writer.hpp"

namespace echo {

/// Status lines of a run in progress. A line that stderr does not take at once is lost, and
/// counted.
class StatusLines {
 public:
  StatusLines();
  void write(std::string_view text);
  /// How many were lost, in whole or in part.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// A warning about them for the report; empty if none was lost.
  [[nodiscard]] std::string warning() const;

 private:
  Writer writer_;
  bool cut_ = false;  ///< the last one was written in part
  std::uint64_t lost_ = 0;
};

/// Writes a message to stderr. It is lost if stderr takes nothing for a second.
void write_message(std::string_view text);

}  // namespace echo
