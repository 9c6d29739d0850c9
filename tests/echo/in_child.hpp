// Runs a check in a forked child: for what belongs to a whole process (limits, signals, masks) and
// would outlive the test that changed it. The child's exit code is the result; 0 means that the
// check holds.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace echo::fixtures {

/// What `check` returned in the child (0 to 99), 128 plus the signal that ended it, or 100 when it
/// threw.
template <typename Check>
int in_child(Check check) {
  std::fflush(stdout);  // both would write what is buffered
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 100;
    try {
      code = check();
    } catch (...) {
    }
    ::_exit(code);  // skips the exit output of GoogleTest and the sanitizers
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace echo::fixtures
