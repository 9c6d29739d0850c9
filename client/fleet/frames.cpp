#include "client/fleet/frames.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <boost/json/object.hpp>
#include <cerrno>
#include <utility>

#include "echo/report.hpp"
#include "echo/version.hpp"

namespace client {
namespace {

/// Of the text in a line. The rest of it needs at most 88 bytes: "@echo-testbed ", a rank of 10
/// digits, a kind of 20 bytes, twice 10 digits of parts, 8 of the CRC, and what is between them.
constexpr std::size_t most_text = 900;

std::uint32_t crc_of(std::string_view head, std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(head.data(), head.size());
  crc.process_byte(' ');
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

std::string_view without_newline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

echo::Patience left_of(const echo::Patience& patience,
                       std::chrono::steady_clock::time_point begun) {
  echo::Patience left = patience;
  if (patience.total != echo::endless.total) left.total -= std::chrono::steady_clock::now() - begun;
  return left;
}

}  // namespace

std::vector<std::string> lines_of_frame(std::uint32_t rank, std::string_view kind,
                                        std::string_view text) {
  const std::size_t parts = std::max<std::size_t>((text.size() + most_text - 1) / most_text, 1);
  std::vector<std::string> lines;
  lines.reserve(parts);
  for (std::size_t part = 1; part <= parts; ++part) {
    const std::string_view piece = text.substr((part - 1) * most_text, most_text);
    const std::string head = fmt::format("{} {} {}/{}", rank, kind, part, parts);
    lines.push_back(fmt::format("@echo-testbed {} {:08x} {}\n", head, crc_of(head, piece), piece));
  }
  return lines;
}

std::string hello_text(const std::string& host, std::uint32_t ranks) {
  const boost::json::object build = echo::version_to_json();
  return echo::text_of_document(boost::json::object{{"host", host},
                                                    {"pid", ::getpid()},
                                                    {"version", build.at("version")},
                                                    {"commit", build.at("commit")},
                                                    {"ranks", ranks}});
}

void FrameOutput::add(std::string_view kind, std::string_view text) {
  std::vector<std::string> lines = lines_of_frame(rank_, kind, without_newline(text));
  const std::lock_guard lock{mutex_};
  if (error_ != 0) return;
  std::size_t bytes = 0;
  for (const std::string& line : lines) bytes += line.size();
  write_kept();
  if (kept_bytes_ + bytes > most_kept) {
    ++lost_;
    return;
  }
  keep(std::move(lines));
  write_kept();
}

void FrameOutput::write(std::string_view kind, std::string_view text,
                        const echo::Patience& patience) {
  std::vector<std::string> lines = lines_of_frame(rank_, kind, without_newline(text));
  const auto begun = std::chrono::steady_clock::now();
  const std::lock_guard lock{mutex_};
  keep(std::move(lines));
  while (error_ == 0 && !kept_.empty()) {
    if (!writer_.write_all(kept_.front(), left_of(patience, begun))) {
      error_ = errno;
      break;
    }
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
  }
  if (error_ != 0) echo::fail_to_write("stdout", error_);
}

std::uint64_t FrameOutput::lost() const {
  const std::lock_guard lock{mutex_};
  return lost_;
}

void FrameOutput::keep(std::vector<std::string> lines) {
  for (std::string& line : lines) {
    kept_bytes_ += line.size();
    kept_.push_back(std::move(line));
  }
}

/// A line a call, even where the reader would take more.
void FrameOutput::write_kept() {
  while (error_ == 0 && !kept_.empty()) {
    std::string& line = kept_.front();
    const ssize_t written = writer_.write_some(line);
    if (written < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
      return;
    }
    kept_bytes_ -= static_cast<std::size_t>(written);
    line.erase(0, static_cast<std::size_t>(written));
    if (!line.empty()) return;
    kept_.pop_front();
  }
}

}  // namespace client
