#include "client/result/result.hpp"

#include <sys/socket.h>

namespace client {

Phases& Phases::operator+=(const Phases& other) {
  ramp += other.ramp;
  warm_up += other.warm_up;
  measured += other.measured;
  idle += other.idle;
  drain += other.drain;
  whole += other.whole;
  return *this;
}

std::string target_text(const Result& result) {
  const Target& target = result.options.target;
  return result.target.family() != AF_UNSPEC
             ? result.target.text()
             : target.host + ":" + std::to_string(target.first_port);
}

}  // namespace client
