#include "echo/version.hpp"

#include <fmt/format.h>

#include <CLI/Version.hpp>
#include <boost/version.hpp>

namespace echo {
namespace {

std::vector<Library> libraries(const std::vector<Library>& more) {
  std::vector<Library> all{{"Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100'000,
                                                 BOOST_VERSION / 100 % 1'000, BOOST_VERSION % 100)},
                           {"CLI11", CLI11_VERSION},
                           {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10'000,
                                               FMT_VERSION / 100 % 100, FMT_VERSION % 100)}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string compiler() {
#ifdef __clang__
  return fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

boost::json::object version_to_json(const std::vector<Library>& more) {
  boost::json::object versions;
  for (const auto& [name, version] : libraries(more)) versions[name] = version;
  return {{"version", TESTBED_VERSION},
          {"commit", commit()},
          {"compiler", compiler()},
          {"build_type", TESTBED_BUILD_TYPE},
          {"libraries", versions}};
}

std::string version_text(std::string_view program, const std::vector<Library>& more) {
  std::string versions;
  for (const auto& [name, version] : libraries(more)) {
    versions += fmt::format("{}{} {}", versions.empty() ? "" : ", ", name, version);
  }
  return fmt::format(
      "{} (echo testbed) {}\n"
      "commit     {}\n"
      "compiler   {}, {}\n"
      "libraries  {}\n",
      program, TESTBED_VERSION, commit(), compiler(), TESTBED_BUILD_TYPE, versions);
}

}  // namespace echo
