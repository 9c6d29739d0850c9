#include "echo/output/status_lines.hpp"

#include <unistd.h>

namespace echo {

StatusLines::StatusLines() : writer_(Writer::to_shared(STDERR_FILENO)) {}

void StatusLines::write(std::string_view text) {
  // A terminal may take a part of a line. The next one then begins on a line of its own.
  if (cut_ && writer_.write_some("\n") < 1) {
    ++lost_;
    return;
  }
  const ssize_t written = writer_.write_some(text);
  cut_ = written > 0 && static_cast<std::size_t>(written) < text.size();
  if (written < 0 || cut_) ++lost_;
}

std::string StatusLines::warning() const {
  if (lost_ == 0) return "";
  return std::to_string(lost_) + (lost_ == 1 ? " status line was" : " status lines were") +
         " lost: stderr did not take " + (lost_ == 1 ? "it" : "them");
}

void write_message(std::string_view text) {
  constexpr std::chrono::seconds longest_wait{1};
  Writer::to_shared(STDERR_FILENO).write_all(text, {longest_wait, longest_wait});
}

}  // namespace echo
