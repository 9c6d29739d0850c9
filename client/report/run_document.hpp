// A client's JSON document read back: who wrote it, and its figures, each asked for by its path.
//
// A file may be cut, edited, another program's or an older client's. Whatever is missing or of the
// wrong kind ends as one line that names the file and the path, with exit code 2.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "echo/histogram.hpp"

namespace client {

class RunDocument {
 public:
  /// Throws echo::Exit(exit_usage) unless `document` is one that a client wrote. `name`: the
  /// file's.
  RunDocument(std::string name, boost::json::value document);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const boost::json::value& whole() const { return document_; }

  /// What lies at `pointer` ("/latency/echo"); null stands for what is absent.
  [[nodiscard]] const boost::json::value& at(std::string_view pointer) const;
  /// These throw echo::Exit(exit_usage) when there is no such thing at `pointer`.
  [[nodiscard]] std::uint64_t count(std::string_view pointer) const;
  [[nodiscard]] std::string text(std::string_view pointer) const;
  [[nodiscard]] const boost::json::object& object(std::string_view pointer) const;
  [[nodiscard]] const boost::json::array& array(std::string_view pointer) const;
  [[nodiscard]] echo::Histogram histogram(std::string_view pointer) const;
  [[noreturn]] void refuse(std::string_view pointer, std::string_view what) const;

 private:
  std::string name_;
  boost::json::value document_;
};

/// Reads a file. Throws echo::Exit(exit_usage) when it cannot be read or is not JSON.
RunDocument read_document(const std::string& path);

}  // namespace client
