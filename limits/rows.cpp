// Collects the rows of a preflight; see rows.hpp.
#include "limits/rows.hpp"

#include <algorithm>

#include "limits/saturating.hpp"

namespace limits {
namespace {

/// The smallest N >= 1 whose need exceeds `have`; nullopt when there is none up to 2^62.
std::optional<std::uint64_t> smallest_refused(Demands demands, const Need& need,
                                              std::uint64_t have) {
  const auto fits = [&](std::uint64_t connections) {
    for (Demand& demand : demands) demand.connections = connections;
    return need(demands) <= have;
  };
  std::uint64_t low = 1;
  std::uint64_t high = 1ULL << 62;
  if (fits(high)) return std::nullopt;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (fits(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

Need per_process(Measure measure) {
  return [measure](const Demands& demands) {
    std::uint64_t most = 0;
    for (const Demand& demand : demands) most = std::max(most, (demand.*measure)());
    return most;
  };
}

Need on_machine(Measure measure) {
  return [measure](const Demands& demands) {
    std::uint64_t sum = 0;
    for (const Demand& demand : demands) sum = saturating_add(sum, (demand.*measure)());
    return sum;
  };
}

std::uint64_t most_connections(const Demands& demands) {
  std::uint64_t most = 0;
  for (const Demand& demand : demands) most = std::max(most, demand.connections);
  return most;
}

Verdict& Rows::add(std::string name, std::string source, std::uint64_t have, const Need& need) {
  Verdict& row = rows_.emplace_back();
  row.name = std::move(name);
  row.source = std::move(source);
  row.need = need(demands_);
  if (have == unlimited) return row;
  row.have = have;
  row.bites_at = smallest_refused(demands_, need, have);
  if (row.need > have) row.status = Status::short_;
  return row;
}

Verdict& Rows::add(std::string name, const std::optional<Ceiling>& ceiling, std::uint64_t used,
                   std::string usual_source, const Need& need) {
  if (!ceiling) {
    Verdict& row = add(std::move(name), std::move(usual_source), unlimited, need);
    row.status = Status::unknown;
    return row;
  }
  const std::uint64_t have =
      ceiling->value == unlimited ? unlimited : saturating_subtract(ceiling->value, used);
  return add(std::move(name), ceiling->source, have, need);
}

bool Rows::reach(const Need& need, std::uint64_t have, std::uint64_t connections) const {
  Demands demands = demands_;
  for (Demand& demand : demands) demand.connections = std::max(demand.connections, connections);
  return need(demands) > have;
}

std::vector<Verdict> Rows::sorted() && {
  std::stable_sort(rows_.begin(), rows_.end(), [](const Verdict& a, const Verdict& b) {
    const bool a_unknown = a.status == Status::unknown;
    const bool b_unknown = b.status == Status::unknown;
    if (a_unknown != b_unknown) return b_unknown;
    return a.bites_at.value_or(unlimited) < b.bites_at.value_or(unlimited);
  });
  return std::move(rows_);
}

}  // namespace limits
