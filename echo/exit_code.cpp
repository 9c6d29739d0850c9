#include "echo/exit_code.hpp"

#include <CLI/Error.hpp>
#include <cstdio>
#include <string>

#include "echo/options.hpp"

namespace echo {

int guarded_main(const char* program, int (*body)(int, char**), int argc, char** argv) {
  const auto say = [program](const std::string& line) {
    std::fprintf(stderr, "%s: %s\n", program, line.c_str());
  };
  try {
    return body(argc, argv);
  } catch (const Exit& error) {
    say(error.what());
    return error.code();
  } catch (const CLI::ParseError& error) {
    say(one_line(error) + " (--help lists the options)");
    return exit_usage;
  } catch (const std::exception& error) {
    say(error.what());
    return exit_internal;
  }
}

}  // namespace echo
