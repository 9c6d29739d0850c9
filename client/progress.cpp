#include "client/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "limits/quantity.hpp"

namespace client {

ProgressLine::ProgressLine(ShowProgress when, std::uint64_t connections)
    : on_(when != ShowProgress::never),
      live_(::isatty(STDERR_FILENO) == 1),
      interval_(live_ ? 100 : (when == ShowProgress::always ? 1'000 : 10'000)),
      connections_(connections) {}

void ProgressLine::show(const Progress& progress) {
  if (!on_) return;
  const auto at = std::chrono::steady_clock::now();
  const std::chrono::duration<double> passed = at - last_;
  const auto echoes = static_cast<double>(progress.echoes - last_echoes_);
  const std::string text =
      fmt::format("{:<8} connected {} of {}, failed {}, echoes {} ({:.0f}/s)", progress.phase,
                  limits::format_count(progress.connected), limits::format_count(connections_),
                  limits::format_count(progress.failed), limits::format_count(progress.echoes),
                  passed.count() > 0 ? echoes / passed.count() : 0.0);
  // Not fmt::print, which throws when stderr is closed or full: a run does not end over its
  // progress.
  std::fputs((live_ ? "\r\033[K" + text : text + "\n").c_str(), stderr);
  shown_ = true;
  last_ = at;
  last_echoes_ = progress.echoes;
}

void ProgressLine::clear() {
  if (on_ && live_ && shown_) std::fputs("\r\033[K", stderr);
}

}  // namespace client
