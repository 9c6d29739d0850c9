// Runs a check in a forked child: for what belongs to a whole process (limits, signals, masks), and
// would outlive the test that changed it. The child's exit code is the answer; 0 is "holds".
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace echo::testing {

/// What `check` returned in the child (0 to 99), 128 plus the signal that ended it, or 100 when it
/// threw.
template <typename Check>
int in_child(Check check) {
  std::fflush(stdout);  // what waits there would be written by both
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 100;
    try {
      code = check();
    } catch (...) {
    }
    ::_exit(code);  // without GoogleTest's and the sanitizers' last words: the parent has those
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace echo::testing
