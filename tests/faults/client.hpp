// Runs the client against a target: its JSON document, and the checks that hold for each run.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/faults/program.hpp"

namespace faults {

inline constexpr std::size_t size = 64;  ///< bytes of a message, where no other size is given

using Buckets = std::map<std::string, std::uint64_t>;

/// How a client ended, with its document.
struct Report : Ended {
  boost::json::value document;

  /// A figure by its JSON pointer, such as "/connections/served". Returns 0 and fails the test if
  /// there is none.
  [[nodiscard]] std::uint64_t count(const std::string& pointer) const;
  [[nodiscard]] std::uint64_t served() const { return count("/connections/served"); }
  /// Failures by cause.
  [[nodiscard]] Buckets failed() const;
  /// Failures by cause and phase, "reset echo".
  [[nodiscard]] Buckets failed_by_phase() const;
  /// Whether a warning contains `text`.
  [[nodiscard]] bool warns(const std::string& text) const;
};

/// Starts a client as a child that writes its document to stdout.
Program start_client(const std::string& target, const Words& arguments,
                     const Program::Setup& setup = {});
/// Waits for its end. Checks what holds for every run: one document and nothing else on stdout, the
/// same exit code inside, and requested == served + failed.
Report report_of(Program& client);
/// Starts a client and waits for its end.
Report run_client(const std::string& target, const Words& arguments,
                  const Program::Setup& setup = {});

}  // namespace faults
