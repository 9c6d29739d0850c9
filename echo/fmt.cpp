// The functions of fmt 9, compiled once. With the header-only form each source that formats
// compiles all of them, which takes three seconds when optimised. Debian's package contains only
// the shared library, which brings libstdc++.so into the programs (see the root's CMakeLists.txt).
// This file contains what fmt's own src/format.cc does, as far as `char` needs it.
#include <fmt/format-inl.h>

namespace fmt::detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;

}  // namespace fmt::detail
