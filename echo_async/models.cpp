#include "echo_async/models.hpp"

namespace echo_async {

#define MODEL(name) extern const server::Model name;
#include "echo_async/models.inc"
#undef MODEL

std::span<const server::Model* const> models() {
  static constexpr const server::Model* list[] = {
#define MODEL(name) &name,
#include "echo_async/models.inc"
#undef MODEL
  };
  return list;
}

const server::Model& default_model() {
  return callbacks;
}

}  // namespace echo_async
