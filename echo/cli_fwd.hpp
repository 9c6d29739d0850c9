// The names of CLI11 that headers mention. Its own headers take seconds to read, and only those who
// declare options or make a parser need them.
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
class Option;
class ParseError;
}  // namespace CLI
