#include "client/program/framed_run.hpp"

#include <unistd.h>

#include <boost/json/object.hpp>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>

#include "client/findings/conclusion.hpp"
#include "client/fleet/frames.hpp"
#include "client/fleet/pipe_rendezvous.hpp"
#include "client/program/outputs.hpp"
#include "client/report/present.hpp"
#include "client/run/load.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/report.hpp"
#include "echo/stop.hpp"

namespace client {
namespace {

/// From the document until the client ends without a `quit`: for the clock after the run.
constexpr std::chrono::seconds for_the_clock{2};
/// For the frame of a refusal: nothing else is lost with it.
constexpr echo::Patience for_a_refusal{std::chrono::seconds{1}, std::chrono::seconds{1}};

FrameOutput frames_of(const Options& options) {
  return FrameOutput{options.share.rank, echo::Writer::to_shared(STDOUT_FILENO)};
}

std::string end_text(int code) {
  return echo::text_of_document(boost::json::object{{"exit_code", code}});
}

/// The last frame of a client that cannot begin, or that an exception ends.
void refuse(FrameOutput& frames, int code, const char* why) {
  try {
    frames.write("refused",
                 echo::text_of_document(boost::json::object{{"exit_code", code}, {"message", why}}),
                 for_a_refusal);
  } catch (const echo::Exit&) {
    // Nobody reads it. The line on stderr says the same.
  }
}

template <typename Step>
auto or_refuse(FrameOutput& frames, const Step& step) {
  try {
    return step();
  } catch (const echo::Exit& why) {
    refuse(frames, why.code(), why.what());
    throw;
  } catch (const std::exception& why) {
    refuse(frames, echo::exit_internal, why.what());
    throw;
  }
}

void check_invocation(const Options& options) {
  if (!options.has_share) {
    throw echo::Exit(echo::exit_usage,
                     "--frames: only with --share RANK/RANKS; 0/1 is a client alone");
  }
  for (const auto& [fd, name] : {std::pair{STDIN_FILENO, "stdin"}, {STDOUT_FILENO, "stdout"}}) {
    if (::isatty(fd) == 1) {
      throw echo::Exit(echo::exit_usage,
                       std::string("--frames: ") + name +
                           " is a terminal; it must lead to the program that started the client");
    }
  }
}

/// A run from its signals to its last frame.
class FramedRun {
 public:
  /// Throws echo::Exit for what cannot work.
  FramedRun(const Command& command, FrameOutput& frames)
      : command_(command),
        options_(options_of(command.options, command.options.share)),
        frames_(frames),
        outputs_(options_) {
    raise_limits(options_);
    watch_signals(signals_, stop_, drain_in_a_fleet, options_);
    parent_.emplace(options_.share, options_.effective_deadline(), STDIN_FILENO, frames_, stop_);
  }

  Result measure();
  int report(Result result);

 private:
  void complete_json(Result& result, echo::ResultWriter& results);

  const Command& command_;
  const Options options_;
  FrameOutput& frames_;
  Outputs outputs_;
  const Nanoseconds begun_ = now();
  echo::Stop stop_;
  std::optional<echo::SignalWatch> signals_;
  std::optional<PipeRendezvous> parent_;
};

Result FramedRun::measure() {
  Result result = run_load(options_, stop_, begun_, &outputs_.lines, &*parent_);
  signals_->end_drain();
  parent_->end_drain();
  result.signal = signals_->signal();
  if (result.signal == 0 && parent_->was_stopped()) result.signal = SIGTERM;
  result.shown_options = shown_options(command_, result.options);
  result.arguments = command_.arguments;
  result.exit_code = exit_code_of(result);
  return result;
}

/// The document goes first: all that comes after it can be made again from it.
int FramedRun::report(Result result) {
  echo::ResultWriter results{result.exit_code, stop_, *signals_};
  results.complete_by(std::chrono::steady_clock::time_point{result.deadline_at + for_the_results});
  results.attempt([&] {
    frames_.write("document", echo::text_of_document(json_of(result, results.code())),
                  results.patience_for_program());
  });
  const Nanoseconds until = now() + for_the_clock;
  const bool has_document = !results.has_failed();
  write_outputs(result, outputs_, results);
  if (has_document && signals_->signal() == 0) parent_->wait_for_quit(stop_, until);
  complete_json(result, results);
  results.attempt(
      [&] { frames_.write("end", end_text(results.code()), results.patience_for_program()); });
  return results.finish();
}

/// Writes the file of --json again, if the clock after the run has come.
void FramedRun::complete_json(Result& result, echo::ResultWriter& results) {
  const std::optional<ClockOffset> after = parent_->rank().clock_after;
  if (!after || !result.rank || !outputs_.json.is_wanted() || outputs_.json.has_reader()) return;
  result.rank->clock_after = after;
  results.attempt([&] {
    outputs_.json.write(echo::text_of_document(json_of(result, results.code())),
                        results.patience_for(outputs_.json));
  });
}

}  // namespace

int run_framed(const Command& command) {
  check_invocation(command.options);
  FrameOutput frames = frames_of(command.options);
  std::optional<FramedRun> run;
  Result result = or_refuse(frames, [&] {
    run.emplace(command, frames);
    return run->measure();
  });
  return run->report(std::move(result));
}

void refuse_in_a_frame(const Options& options, const echo::Exit& why) {
  if (!options.frames || !options.has_share || ::isatty(STDOUT_FILENO) == 1) return;
  FrameOutput frames = frames_of(options);
  refuse(frames, why.code(), why.what());
}

}  // namespace client
