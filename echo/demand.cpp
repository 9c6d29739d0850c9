#include "echo/demand.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace echo {
namespace {

using limits::Traits;

struct Field {
  std::string_view name;
  std::variant<double Traits::*, std::uint64_t Traits::*> member;
};
constexpr Field fields_of_traits[] = {
    {"threads_per_connection", &Traits::threads_per_connection},
    {"processes_per_connection", &Traits::processes_per_connection},
    {"descriptors_per_connection", &Traits::descriptors_per_connection},
    {"maps_per_connection", &Traits::maps_per_connection},
    {"watches_per_connection", &Traits::watches_per_connection},
    {"ring_requests_per_connection", &Traits::ring_requests_per_connection},
    {"fixed_descriptors", &Traits::fixed_descriptors},
    {"fixed_threads", &Traits::fixed_threads},
    {"fixed_files", &Traits::fixed_files},
    {"fixed_maps", &Traits::fixed_maps},
    {"fixed_bytes", &Traits::fixed_bytes},
    {"table_bytes", &Traits::table_bytes},
    {"fixed_virtual_bytes", &Traits::fixed_virtual_bytes},
    {"resident_bytes", &Traits::resident_bytes},
    {"loop_bytes", &Traits::loop_bytes},
    {"loops", &Traits::loops},
    {"threads_per_loop", &Traits::threads_per_loop},
    {"kernel_bytes", &Traits::kernel_bytes},
    {"stack_bytes", &Traits::stack_bytes},
    {"guard_bytes", &Traits::guard_bytes},
    {"virtual_bytes", &Traits::virtual_bytes},
    {"descriptors_below", &Traits::descriptors_below},
    {"least_tables", &Traits::least_tables},
    {"most_tables", &Traits::most_tables},
    {"table_spread", &Traits::table_spread}};

}  // namespace

boost::json::object to_json(const Traits& traits) {
  boost::json::object fields;
  for (const Field& field : fields_of_traits) {
    std::visit([&](auto member) { fields[field.name] = traits.*member; }, field.member);
  }
  return fields;
}

Traits traits_from(const boost::json::object& fields) {
  Traits traits;
  for (const Field& field : fields_of_traits) {
    const boost::json::value* value = fields.if_contains(field.name);
    if (value == nullptr || !value->is_number()) {
      throw std::invalid_argument("demand: no number " + std::string(field.name));
    }
    std::visit(
        [&](auto member) {
          using Number = std::remove_reference_t<decltype(traits.*member)>;
          traits.*member = value->to_number<Number>();
        },
        field.member);
  }
  return traits;
}

}  // namespace echo
