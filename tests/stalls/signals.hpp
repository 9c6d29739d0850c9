// Signals to a program, once and twice: what each case does, and how soon the program must end.
#pragma once

#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "tests/faults/program.hpp"

namespace faults {

/// One way to stop a program.
struct Stopping {
  int number;
  bool twice;
};

inline std::vector<Stopping> ways_to_stop() {
  std::vector<Stopping> all;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    all.push_back({number, false});
    all.push_back({number, true});
  }
  return all;
}

inline std::string name_of(const Stopping& way) {
  return std::string(::strsignal(way.number)) + (way.twice ? " twice" : " once");
}

/// From the only signal, or from the second one, to the end of the program: far below the minute
/// that each run would take, and more than the 2 s and the moment that are promised, because six
/// programs end together beside other tests. faults/interrupt_test.cpp has the 2 s.
inline nanoseconds longest_end(const Stopping& way) {
  return (way.twice ? milliseconds{2'000} : milliseconds{5'000}) * slower;
}

/// Between two signals: longer than the time within which two SIGHUPs are one hangup.
inline constexpr milliseconds between_signals{300};

/// Whether `pid` has blocked SIGHUP: its SignalWatch reads the signal from now on.
bool watches_signals(pid_t pid);

/// Sends the signals of `way`, the second one after a pause. The pause is part of the case.
void send(const Program& program, const Stopping& way);

}  // namespace faults
