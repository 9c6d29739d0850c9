// What a program was built from: version, commit, compiler and libraries, for --version and
// --describe.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace echo {

/// The commit of the sources when the program was linked: twelve digits, followed by "with changes"
/// if tracked files differed from it; "unknown" outside a git checkout.
std::string_view commit();

/// A library that one program has beside those that all have: its name and version.
using Library = std::pair<std::string, std::string>;

/// Version, commit, compiler, build type and libraries, a key each.
boost::json::object version_to_json(const std::vector<Library>& more = {});
/// The same as lines for a person; the first is "PROGRAM (echo testbed) VERSION".
std::string version_text(std::string_view program, const std::vector<Library>& more = {});

}  // namespace echo
