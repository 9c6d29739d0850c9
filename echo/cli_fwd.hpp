// Forward declarations of the CLI11 names that headers mention. CLI11's own headers take seconds to
// compile, and only sources that declare options or create a parser need them.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
class Option;
class ParseError;
}  // namespace CLI
