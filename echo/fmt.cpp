// The functions of fmt 9, compiled once. Taken header-only, each source that formats pays for all
// of them, three seconds when optimised; taken from Debian, which has no archive of it, they bring
// libstdc++.so into the programs (see the CMakeLists.txt of the root). This is what fmt's own
// src/format.cc holds, as far as `char` needs it.
#include <fmt/format-inl.h>

namespace fmt::detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;

}  // namespace fmt::detail
