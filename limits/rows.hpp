// The rows of a preflight while they are collected: need, have, and the smallest N that does not
// fit.
//
// bites_at is found by bisection. Every need grows with N, so the inverse needs no separate formula
// that could drift from the forward one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "limits/preflight.hpp"

namespace limits {

using Measure = std::uint64_t (Demand::*)() const;
using Need = std::function<std::uint64_t(const Demands&)>;

/// A limit per process: the largest demand counts.
Need per_process(Measure measure);
/// A limit of the machine: the demands of both ends on one host are added.
Need on_machine(Measure measure);
/// The largest N among the demands.
std::uint64_t most_connections(const Demands& demands);

class Rows {
 public:
  explicit Rows(Demands demands) : demands_(std::move(demands)) {}

  /// A limit of this process alone; `have` may be `unlimited`. The returned row is valid until the
  /// next call.
  Verdict& add(std::string name, std::string source, std::uint64_t have, const Need& need);

  /// A ceiling of which other programs already use `used`. Where it is absent the row is unknown,
  /// with the source `usual_source`.
  Verdict& add(std::string name, const std::optional<Ceiling>& ceiling, std::uint64_t used,
               std::string usual_source, const Need& need);

  /// Whether `connections` or those of the demands, if more, need more than `have`.
  [[nodiscard]] bool reach(const Need& need, std::uint64_t have, std::uint64_t connections) const;

  /// Sorted by bites_at; then the limits that are never reached, then the unknown ones.
  std::vector<Verdict> sorted() &&;

 private:
  Demands demands_;
  std::vector<Verdict> rows_;
};

}  // namespace limits
