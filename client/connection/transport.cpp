#include "client/connection/transport.hpp"

namespace client {

IoResult failed_by(int error) {
  switch (error) {
    case ECONNRESET:
    case EPIPE:
      return failed(Outcome::reset, error);
    case ECONNREFUSED:  // of a connect whose end was not awaited
      return failed(Outcome::refused, error);
    case ENOBUFS:
    case ENOMEM:
      return failed(Outcome::local_limit, error);
    case ETIMEDOUT:
      return failed(Outcome::timeout, error);
    case EHOSTUNREACH:
    case ENETUNREACH:
      return failed(Outcome::unreachable, error);
    default:
      return failed(Outcome::other_error, error);
  }
}

}  // namespace client
