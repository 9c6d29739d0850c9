#include "client/result/found_rate.hpp"

namespace client {

std::string_view name_of(SearchEnd end) {
  switch (end) {
    case SearchEnd::found:
      return "found";
    case SearchEnd::ceiling:
      return "ceiling";
    case SearchEnd::none_holds:
      return "none_holds";
    case SearchEnd::unproven:
      return "unproven";
    case SearchEnd::cut_short:
      break;
  }
  return "cut_short";
}

}  // namespace client
