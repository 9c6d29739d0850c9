#include "echo/output/line_output.hpp"

#include <cerrno>

#include "echo/exit_code.hpp"

namespace echo {

void LineOutput::open() {
  if (output_.is_wanted()) writer_.emplace(output_.begin());
}

void LineOutput::add(const std::string& line) {
  if (error_ != 0) return;
  if (kept_.size() + line.size() > most_kept) {
    ++lost_;
  } else {
    kept_ += line;
  }
  write_kept();
}

void LineOutput::write_kept() {
  while (!kept_.empty()) {
    const ssize_t written = writer_->write_some(kept_);
    if (written > 0) {
      kept_.erase(0, static_cast<std::size_t>(written));
      continue;
    }
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
    return;
  }
}

void LineOutput::finish(const Patience& patience) {
  if (!writer_) return;
  if (error_ == 0 && !writer_->write_all(kept_, patience)) error_ = errno;
  kept_.clear();
  if (error_ != 0) output_.fail(error_);
  if (lost_ > 0) {
    throw Exit(exit_internal,
               "write " + output_.name() +
                   ": its reader was too slow; lines lost: " + std::to_string(lost_));
  }
}

}  // namespace echo
