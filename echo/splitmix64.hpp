// One hash for everything that must look random and be reproducible: payload bytes, message sizes,
// arrival times.
#pragma once

#include <cstdint>

namespace echo {

/// splitmix64's finaliser (Steele, Lea, Flood 2014, https://doi.org/10.1145/2660193.2660195): every
/// input bit affects every output bit.
constexpr std::uint64_t splitmix64(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

/// The increment of a sequence that splitmix64() turns into random numbers.
constexpr std::uint64_t splitmix64_increment = 0x9e3779b97f4a7c15ULL;

}  // namespace echo
