// Unsigned arithmetic that stops at the ends of the range instead of wrapping around.
//
// A demand may be for 10^12 connections. A sum that wrapped around would pass as enough.
#pragma once

#include <cstdint>

#include "limits/rlimit.hpp"

namespace limits {

constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > unlimited - b ? unlimited : a + b;
}

constexpr std::uint64_t saturating_subtract(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

constexpr std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > unlimited / b ? unlimited : a * b;
}

}  // namespace limits
