#include "client/engine/loop.hpp"

#include <algorithm>

#include "client/activity/churn.hpp"
#include "client/activity/closed_loop.hpp"
#include "client/activity/connecting.hpp"
#include "client/activity/drain.hpp"
#include "client/activity/idle.hpp"
#include "client/activity/open_loop.hpp"

namespace client {
namespace {

/// The next of the times at which the leader reads the progress, after `at`. Posted at other times,
/// each progress would be read an interval late.
Nanoseconds next_post_time(const Plan& plan, Nanoseconds at) {
  if (plan.post_every == never) return never;
  return plan.post_from + plan.post_every * ((at - plan.post_from) / plan.post_every + 1);
}

/// How long to wait after a signal, or after the deadline, for the echoes in flight. Together with
/// the drain that follows it stays within 1.5 s and 0.5 s.
constexpr std::chrono::milliseconds await_after_signal{1'000};
constexpr std::chrono::milliseconds await_after_deadline{250};
/// A signal leaves 2 s in all, a deadline 1 s; the rest of it is for the report.
constexpr std::chrono::milliseconds end_after_signal{1'500};
constexpr std::chrono::milliseconds end_after_deadline{500};
/// Connections ended at once between two looks at the stop and the progress: the kernel needs some
/// 10 us to close each.
constexpr std::uint32_t end_batch = 1'024;

}  // namespace

Loop::Loop(const Plan& plan, const LoopContext& context, ProgressSlot& progress_slot)
    : plan_(plan),
      enough_(context.enough),
      progress_slot_(progress_slot),
      events_(context.stop),
      timeouts_(plan.connect_timeout, plan.timeout, context.heartbeat),
      table_(plan, context, events_, timeouts_),
      dispatcher_(table_, events_, timeouts_),
      next_post_(next_post_time(plan, table_.at())) {}

void Loop::run(Activity& activity) {
  if (table_.running()) drive(activity, false);
}

void Loop::drive(Activity& activity, bool also_after_a_stop) {
  table_.pass_events_to(&activity);
  table_.tick();
  while (table_.running() || also_after_a_stop) {
    const std::optional<Nanoseconds> until = activity.step();
    if (!until) break;
    wait(*until);
  }
  if (table_.stopped_at() != never) await_echoes(activity);
  activity.finish();
  table_.pass_events_to(nullptr);
}

/// After a signal or the deadline nothing is begun. Waits a moment for the echoes in flight.
void Loop::await_echoes(Activity& activity) {
  activity.on_stop();
  const bool deadline = table_.stop_reason() == StopReason::deadline;
  const Nanoseconds until =
      table_.stopped_at() + (deadline ? await_after_deadline : await_after_signal);
  while (table_.in_flight() > 0 && !table_.forced() && table_.at() < until) wait(until);
}

void Loop::wait(Nanoseconds until) {
  // A deadline that has already stopped the run must not shorten the waits of the drain.
  const Nanoseconds deadline = table_.running() ? plan_.deadline_at : never;
  dispatcher_.wait(std::min({until, deadline, next_post_}));
  table_.check_limits(plan_.deadline_at);
  if (table_.at() < next_post_) return;
  next_post_ = next_post_time(plan_, table_.at());
  post();
}

void Loop::post() {
  const Recorder& recorder = table_.recorder();
  const Progress counts{name_of(table_.phase()), table_.standing(), tally().established,
                        tally().failed(),        recorder.sent(),   recorder.verified(),
                        table_.received()};
  std::optional<echo::Histogram>& interval = table_.recorder().interval();
  interval ? progress_slot_.post(counts, *interval) : progress_slot_.post(counts);
}

void Loop::ramp() {
  table_.tick();
  Connecting connecting{table_, plan_.first, plan_.stride, plan_.connects, enough_};
  run(connecting);
}

void Loop::exchange(const Traffic& traffic) {
  if (!table_.running()) return;
  Traffic mine = traffic;
  mine.half_close = plan_.half_close && !traffic.first_echoes;
  if (traffic.pace) {
    OpenLoop open{table_, mine};
    run(open);
  } else {
    ClosedLoop closed{table_, mine};
    run(closed);
  }
}

void Loop::churn(const Traffic& traffic) {
  if (!table_.running()) return;
  Traffic mine = traffic;
  mine.half_close = plan_.half_close;
  Churn churn{table_, mine, plan_.first, plan_.stride, plan_.connects};
  run(churn);
}

void Loop::idle(Nanoseconds until) {
  // A connection must stay open meanwhile, unless this end has closed its half.
  Idle idle{table_, Phase::idle, until, plan_.half_close, Idle::WithoutConnections::is_over};
  run(idle);
}

void Loop::drain() {
  table_.tick();
  settle();
  const StopReason reason = table_.stop_reason();
  if (reason == StopReason::interrupted) end_all(Outcome::interrupted, false);
  if (reason == StopReason::deadline) end_all(Outcome::deadline, false);
  // A connection must also stay open through the idle phase.
  if (reason == StopReason::server_lost)
    end_all(Outcome::server_lost, table_.phase() == Phase::idle);
  const Nanoseconds hard_end =
      std::min(table_.at(), table_.stopped_at()) +
      (reason == StopReason::deadline ? end_after_deadline : end_after_signal);
  Drain drain{table_, hard_end, plan_.linger_reset};
  drive(drain, true);
}

/// Waits until it is known whether a burst of ended connections was the end of the server.
void Loop::settle() {
  const std::optional<Nanoseconds> until = table_.decide_at();
  if (!until) return;
  const bool may_end = table_.phase() != Phase::idle || plan_.half_close;
  Idle idle{table_, table_.phase(), *until, may_end, Idle::WithoutConnections::goes_on};
  run(idle);
  if (table_.running()) table_.probe_server();
}

void Loop::end_all(Outcome outcome, bool also_complete) {
  for (std::uint32_t i = 0; i < table_.size(); ++i) {
    table_.end_incomplete(i, outcome, also_complete);
    if (i % end_batch == end_batch - 1) wait(table_.at());
  }
}

}  // namespace client
