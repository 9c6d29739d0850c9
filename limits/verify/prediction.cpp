#include "limits/verify/prediction.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "limits/preflight.hpp"
#include "limits/proc_text.hpp"

namespace limits {
namespace {

std::uint64_t status_bytes(std::string_view key) {
  const auto text = read_text("/proc/self/status");
  const auto bytes = text ? kilobytes_after(*text, key) : std::nullopt;
  if (!bytes) throw std::runtime_error("/proc/self/status has no " + std::string(key));
  return *bytes;
}

Verdict row_named(const std::string& name, const Demand& demand, std::uint64_t backlog) {
  for (const Verdict& row : preflight({demand}, read_ceilings(Kernel{}), backlog)) {
    if (row.name == name && row.status != Status::unknown) return row;
  }
  throw std::runtime_error("the preflight could not read this limit");
}

}  // namespace

Demand nothing() {
  Demand demand;
  demand.connections = 1;
  demand.traits.descriptors_per_connection = 0;
  demand.traits.kernel_bytes = 0;
  demand.traits.fixed_descriptors = demand.traits.fixed_threads = demand.traits.fixed_maps = 0;
  demand.traits.fixed_virtual_bytes = 0;
  return demand;
}

std::uint64_t own_descriptors() {
  const std::filesystem::directory_iterator first("/proc/self/fd");
  const auto listed = std::distance(begin(first), end(first));
  return static_cast<std::uint64_t>(listed) - 1;  // one is that of the listing itself
}

std::uint64_t own_maps() {
  const auto text = read_text("/proc/self/maps");
  if (!text) throw std::runtime_error("/proc/self/maps cannot be read");
  return static_cast<std::uint64_t>(std::count(text->begin(), text->end(), '\n'));
}

std::uint64_t own_address_bytes() {
  return status_bytes("VmSize:");
}

std::uint64_t own_data_bytes() {
  return status_bytes("VmData:");
}

std::uint64_t predicted(const std::string& row, const Demand& demand) {
  const Verdict verdict = row_named(row, demand, 0);
  if (!verdict.bites_at) throw std::runtime_error("the preflight says that it is never reached");
  return *verdict.bites_at - 1;
}

std::uint64_t predicted_queue(std::uint64_t backlog) {
  const Verdict verdict = row_named("listen backlog", nothing(), backlog);
  if (!verdict.have) throw std::runtime_error("the preflight names no length");
  return *verdict.have;
}

}  // namespace limits
