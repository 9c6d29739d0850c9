#include "echo_threads/models.hpp"

namespace echo_threads {

#define MODEL(name) extern const server::Model name;
#include "echo_threads/models.inc"
#undef MODEL

std::span<const server::Model* const> models() {
  static constexpr const server::Model* list[] = {
#define MODEL(name) &name,
#include "echo_threads/models.inc"
#undef MODEL
  };
  return list;
}

const server::Model& default_model() {
  return thread_per_connection;
}

}  // namespace echo_threads
