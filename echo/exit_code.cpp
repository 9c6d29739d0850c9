#include "echo/exit_code.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <csignal>
#include <string>

#include "echo/options.hpp"
#include "echo/output/status_lines.hpp"
#include "limits/proc_text.hpp"

namespace echo {
namespace {

/// If the program is started with a standard descriptor closed, the next descriptor that is opened
/// would get its number, and output would go into a socket. A closed descriptor stays unwritable.
void occupy_standard_descriptors() {
  const auto open_null = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
  int fd = open_null();
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open_null();
  if (fd >= 0) ::close(fd);
}

}  // namespace

std::span<const ExitMeaning> exit_meanings() {
  static constexpr ExitMeaning meanings[] = {
      {exit_pass, "passed; a server: stopped and drained; limits: all suffice"},
      {exit_fail, "finished, with failures, a shortfall or a missed objective"},
      {exit_usage, "usage: the command line"},
      {exit_refused, "the preflight or the kernel refuses; limits: one does not suffice"},
      {exit_network, "network set-up: cannot bind, or nothing could connect"},
      {exit_deadline, "the deadline of the run"},
      {exit_safety, "refused for safety: outside loopback without permission"},
      {exit_internal, "internal error, or the output could not be written"},
      {exit_signal + SIGHUP, "SIGHUP: as for SIGINT; ignored if it was ignored at the start"},
      {exit_signal + SIGINT, "SIGINT: interrupted with partial results, or a forced stop"},
      {exit_signal + SIGTERM, "SIGTERM: the same"}};
  return meanings;
}

int guarded_main(const char* program, int (*body)(int, char**), int argc, char** argv) {
  occupy_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe then returns an error
  const auto say = [program](const std::string& line) {
    // A line may quote the command line, a file or a document.
    write_message(std::string(program) + ": " + limits::printable(line) + "\n");
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
