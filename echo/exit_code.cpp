#include "echo/exit_code.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <csignal>
#include <cstdio>
#include <string>

#include "echo/options.hpp"

namespace echo {
namespace {

/// Started with one of the standard descriptors closed, the next that is opened would take its
/// number, and what is printed would go into a socket. What was closed stays unwritable.
void occupy_standard_descriptors() {
  const auto open_null = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
  int fd = open_null();
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open_null();
  if (fd >= 0) ::close(fd);
}

}  // namespace

int guarded_main(const char* program, int (*body)(int, char**), int argc, char** argv) {
  occupy_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe is an error code, not a death
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
