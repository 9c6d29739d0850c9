// What a report calls the answer to a message: an echo, or under HTTP a response.
#pragma once

#include <string_view>

#include "client/connection/outcome.hpp"
#include "client/options/options.hpp"

namespace client {

struct Words {
  std::string_view one = "echo", many = "echoes";
};

inline Words words_of(ProtocolName protocol) {
  return protocol == ProtocolName::http ? Words{"response", "responses"} : Words{};
}

/// The name of a phase in the text report.
inline std::string_view name_of(Phase phase, const Words& words) {
  return phase == Phase::echo ? words.one : name_of(phase);
}

}  // namespace client
