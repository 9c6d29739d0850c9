// Where an output option sends its text: a file, stdout for "-", or a pipe, FIFO or device.
//
// Made at the start of a run, so that a path which cannot work costs no measurement: each reason
// ends the program with exit code 2. At the end, a file is written beside its place and renamed
// over it, so that no reader sees a part and a failure leaves the old one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/output/place.hpp"
#include "echo/output/writer.hpp"

namespace echo {

class Output {
 public:
  /// An option that was not given.
  Output() = default;
  /// `option`: its name, for messages. An empty `path`: it was not given. Throws Exit(exit_usage)
  /// when nothing can be written to `path`. A file there stays as it is until write() or begin().
  Output(std::string option, std::string path);

  [[nodiscard]] bool is_wanted() const { return kind_ != Kind::none; }
  [[nodiscard]] bool is_stdout() const { return kind_ == Kind::standard; }
  /// Whether it is a pipe, a FIFO or a device: its reader may let a write wait.
  [[nodiscard]] bool has_reader() const { return kind_ == Kind::stream; }
  [[nodiscard]] const std::string& option() const { return option_; }
  /// Whether both write the same file.
  [[nodiscard]] bool is_same_file(const Output& other) const;

  /// Writes `text` as the whole content. Throws Exit(exit_internal) when that fails; a file is then
  /// unchanged. The patience applies to pipes and devices.
  void write(std::string_view text, const Patience& patience);
  /// Opens it to be written piece by piece; a file is emptied. Throws Exit(exit_internal).
  Writer begin();
  /// Throws the Exit of fail_to_write().
  [[noreturn]] void fail(int error) const;
  /// "stdout", or the path as it was given.
  [[nodiscard]] std::string name() const { return is_stdout() ? "stdout" : path_; }

 private:
  enum class Kind { none, standard, file, stream };

  void open_stream();
  void open_descriptor_link();
  void check_file() const;
  void replace_file(std::string_view text) const;
  [[noreturn]] void refuse(const std::string& why) const;

  Kind kind_ = Kind::none;
  std::string option_, path_;
  Place place_;
  std::optional<Writer> stream_;
};

/// Throws Exit(exit_usage) if two of them write to stdout or to the same file.
void refuse_shared_outputs(const std::vector<const Output*>& outputs);

}  // namespace echo
