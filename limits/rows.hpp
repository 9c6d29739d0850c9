// The rows of a preflight while they are collected: need against have, and the N that would not
// fit.
//
// bites_at is found by bisection: every need grows with N, so the inverse needs no formula of its
// own that could drift from the forward one.
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

/// A limit of each process: the hungriest one decides.
Need per_process(Measure measure);
/// A limit of the machine: both ends on one host count together.
Need on_machine(Measure measure);
/// The largest N among the demands.
std::uint64_t most_connections(const Demands& demands);

class Rows {
 public:
  explicit Rows(Demands demands) : demands_(std::move(demands)) {}

  /// A limit of our own; `have` may be `unlimited`. The row is valid until the next one is added.
  Verdict& add(std::string name, std::string source, std::uint64_t have, const Need& need);

  /// A ceiling of which others use `used` already; unknown, from `usual_source`, where it is
  /// absent.
  Verdict& add(std::string name, const std::optional<Ceiling>& ceiling, std::uint64_t used,
               std::string usual_source, const Need& need);

  /// By what bites first; what never does and then what is unknown come last.
  std::vector<Verdict> sorted() &&;

 private:
  Demands demands_;
  std::vector<Verdict> rows_;
};

}  // namespace limits
