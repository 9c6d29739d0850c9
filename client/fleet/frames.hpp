// Frames: what a client of a fleet writes to stdout for the program that started it
// (docs/decisions/0029-ranks-agree-on-times.md).
//
//   @echo-testbed RANK KIND PART/PARTS CRC TEXT
//
// A line is shorter than PIPE_BUF and written by one call, so in a pipe it is never mixed with
// another. Its CRC finds a line that was mixed all the same, by something between two programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "echo/output/writer.hpp"

namespace client {

inline constexpr std::size_t longest_frame_line = 1000;  ///< bytes, with the newline

/// The lines of a frame, each with its newline. `kind`: a word of at most 20 bytes. `text`: one
/// line; it may be cut between any two bytes, also within a character.
std::vector<std::string> lines_of_frame(std::uint32_t rank, std::string_view kind,
                                        std::string_view text);

/// The text of the frame `hello`: which host and which build this is, and how many ranks it knows
/// of.
std::string hello_text(const std::string& host, std::uint32_t ranks);

/// Writes the frames of one rank. Any thread may call it.
class FrameOutput {
 public:
  static constexpr std::size_t most_kept = 1U << 20U;  ///< bytes

  FrameOutput(std::uint32_t rank, echo::Writer writer) : rank_(rank), writer_(std::move(writer)) {}

  /// Writes a frame without waiting: what the reader does not take at once is kept, up to a bound,
  /// and written with the next one. Beyond it whole frames are lost, and counted. After a failed
  /// write it does nothing. The newline at the end of `text`, if there is one, is left out.
  void add(std::string_view kind, std::string_view text);
  /// Writes what was kept and this frame, which is never lost to the bound. Throws the Exit of
  /// echo::fail_to_write() when the reader took too little, or an earlier write failed.
  void write(std::string_view kind, std::string_view text, const echo::Patience& patience);
  /// How many frames add() lost, because their reader was too slow.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  void keep(std::vector<std::string> lines);
  void write_kept();

  mutable std::mutex mutex_;
  std::uint32_t rank_;
  echo::Writer writer_;
  std::deque<std::string> kept_;  ///< lines; the first one may have been written in part
  std::size_t kept_bytes_ = 0;
  std::uint64_t lost_ = 0;
  int error_ = 0;  ///< errno of the first failed write; nothing is written after it
};

}  // namespace client
