#include "echo_threads/models.hpp"

namespace echo_threads {

#define MODEL(name) extern const echo::Model name;
#include "echo_threads/models.inc"
#undef MODEL

std::span<const echo::Model* const> models() {
  static constexpr const echo::Model* list[] = {
#define MODEL(name) &name,
#include "echo_threads/models.inc"
#undef MODEL
  };
  return list;
}

}  // namespace echo_threads
