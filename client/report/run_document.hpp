// Reads a client's JSON document: checks which program wrote it, and returns its figures by path.
//
// A file may be truncated, edited, or written by another program or an older client. A figure that
// is missing or of the wrong type ends in one line that names file and path, and exit code 2.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "echo/histogram.hpp"

namespace client {

class RunDocument {
 public:
  /// Throws echo::Exit(exit_usage) unless a client wrote `document`. `name`: that of the file.
  RunDocument(std::string name, boost::json::value document);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const boost::json::value& whole() const { return document_; }

  /// The value at `pointer` ("/latency/echo"); null if it is absent.
  [[nodiscard]] const boost::json::value& at(std::string_view pointer) const;
  /// These throw echo::Exit(exit_usage) if the value at `pointer` has another type.
  [[nodiscard]] std::uint64_t count(std::string_view pointer) const;
  [[nodiscard]] std::string text(std::string_view pointer) const;
  [[nodiscard]] const boost::json::object& object(std::string_view pointer) const;
  [[nodiscard]] const boost::json::array& array(std::string_view pointer) const;
  [[nodiscard]] echo::Histogram histogram(std::string_view pointer) const;
  /// a + b; throws echo::Exit(exit_usage), as refuse(pointer), if the sum exceeds 64 bits.
  [[nodiscard]] std::uint64_t sum(std::uint64_t a, std::uint64_t b, std::string_view pointer) const;
  [[noreturn]] void refuse(std::string_view pointer, std::string_view what) const;

 private:
  std::string name_;
  boost::json::value document_;
};

/// Reads a file of at most 256 MiB. Throws echo::Exit(exit_usage) if it cannot be read or is not
/// JSON.
RunDocument read_document(const std::string& path);

}  // namespace client
