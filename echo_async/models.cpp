#include "echo_async/models.hpp"

namespace echo_async {

#define MODEL(name) extern const echo::Model name;
#include "echo_async/models.inc"
#undef MODEL

std::span<const echo::Model* const> models() {
  static constexpr const echo::Model* list[] = {
#define MODEL(name) &name,
#include "echo_async/models.inc"
#undef MODEL
  };
  return list;
}

}  // namespace echo_async
