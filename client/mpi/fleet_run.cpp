#include "client/mpi/fleet_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <memory>

#include "client/findings/conclusion.hpp"
#include "client/fleet/frames.hpp"
#include "client/mpi/coordinator.hpp"
#include "client/mpi/ending.hpp"
#include "client/mpi/member.hpp"
#include "client/mpi/own_files.hpp"
#include "client/mpi/whole.hpp"
#include "client/program/outputs.hpp"
#include "client/report/merge.hpp"
#include "client/report/present.hpp"
#include "client/run/load.hpp"
#include "echo/report.hpp"
#include "echo/splitmix64.hpp"
#include "limits/quantity.hpp"

namespace client::mpi {
namespace {

/// How long the others are waited for that a rank with a wrong command line must tell.
constexpr std::chrono::seconds for_a_refusal{30};
/// Before the end of the others' patience: rank 0 has what came, and merges it.
constexpr std::chrono::milliseconds to_merge{500};

/// After a signal that leaves time, until rank 0 merges what has come.
constexpr std::chrono::seconds for_the_others{2};

std::uint64_t seed_from_the_clock() {
  return echo::splitmix64(static_cast<std::uint64_t>(now().count())) >> 24U;
}

class RankRun {
 public:
  explicit RankRun(const Beginning& beginning) : beginning_(beginning) {
    if (beginning.share.rank == 0) {
      coordinator_ = std::make_unique<Coordinator>(beginning.share, beginning.signals);
    } else {
      member_ = std::make_unique<Member>(beginning.share, beginning.signals);
    }
    if (!beginning.command || !beginning.command->options.frames) return;
    frames_.emplace(beginning.share.rank, echo::Writer::to_shared(STDOUT_FILENO));
    rendezvous().tell_in(*frames_, beginning.command->options.effective_deadline());
  }

  End run();

 private:
  FleetRendezvous& rendezvous() {
    return coordinator_ ? static_cast<FleetRendezvous&>(*coordinator_) : *member_;
  }
  [[noreturn]] void refuse(int code, const std::string& why) {
    refusal_ = why;
    throw rendezvous().refuse(code, why, beginning_.stop, now() + for_a_refusal);
  }
  /// A frame, if they are wanted. Waits for its reader as for the other outputs.
  void write_frame(std::string_view kind, const std::string& text, echo::ResultWriter& results) {
    if (!frames_) return;
    results.attempt([&] { frames_->write(kind, text, results.patience_for_program()); });
  }
  void prepare();
  Result measure();
  bool take_clocks(Result& result);
  int write_own(const Result& result);
  [[nodiscard]] std::string own_document(const Result& result) const;
  End end_of_rank_0(const Result& result);
  End end_of_member(const Result& result);
  End end(const Result& result);

  const Beginning& beginning_;
  std::unique_ptr<Coordinator> coordinator_;  ///< on rank 0
  std::unique_ptr<Member> member_;            ///< on the others
  Options whole_, own_;
  std::optional<FrameOutput> frames_;  ///< of --frames
  std::string refusal_ = "another rank cannot begin";
  std::optional<Outputs> whole_outputs_;  ///< on rank 0
  std::optional<Outputs> own_outputs_;
  int own_code_ = 0;
  bool has_framed_ = false;  ///< the document
};

/// This rank's options and outputs. What is wrong with them refuses the whole.
void RankRun::prepare() {
  try {
    whole_ = beginning_.command->options;
    if (whole_.has_share) throw echo::Exit(echo::exit_usage, "--share: MPI gives each its share");
    if (whole_.calibrate)
      throw echo::Exit(echo::exit_usage, "--calibrate: not with several clients");
    const Nanoseconds give_up = beginning_.begun + whole_.effective_deadline();
    const std::uint64_t seed = whole_.seed.value_or(seed_from_the_clock());
    whole_.seed = rendezvous().agree_on_seed(seed, beginning_.stop, give_up);
    own_ = with_own_outputs(options_of(whole_, beginning_.share));
    own_outputs_.emplace(own_);
    if (!coordinator_) return;
    Options rest = whole_;
    rest.series.clear();
    whole_outputs_.emplace(rest);
  } catch (const Refused&) {
    throw;
  } catch (const echo::Exit& error) {
    refuse(error.code(), error.what());
  }
}

Result RankRun::measure() {
  Result result;
  try {
    result = run_load(own_, beginning_.stop, beginning_.begun, &own_outputs_->lines, &rendezvous());
  } catch (const Refused&) {
    throw;
  } catch (const echo::Exit& error) {
    if (rendezvous().has_begun()) throw;
    refuse(error.code(), error.what());
  } catch (const std::exception& error) {
    if (rendezvous().has_begun()) throw;
    refuse(echo::exit_internal, error.what());
  }
  if (!rendezvous().has_begun()) {
    const int signal = told_signal(beginning_.signals);
    refuse(signal != 0 ? echo::exit_signal + signal : echo::exit_deadline,
           signal != 0 ? "ended by a signal before the start"
                       : "its deadline passed before the start");
  }
  return result;
}

/// Whether the clock was measured since.
bool RankRun::take_clocks(Result& result) {
  const Rank rank = rendezvous().rank();
  const bool is_new = rank.clock_after && (!result.rank->clock_after ||
                                           result.rank->clock_after->at != rank.clock_after->at);
  result.rank->clock_after = rank.clock_after;
  return is_new;
}

std::string RankRun::own_document(const Result& result) const {
  return echo::text_of_document(json_of(result, own_code_));
}

/// Writes this rank's own document and waits for its disk. An output that fails changes the code.
int RankRun::write_own(const Result& result) {
  echo::ResultWriter results{own_code_, beginning_.stop, beginning_.signals};
  results.complete_by(std::chrono::steady_clock::time_point{result.deadline_at + for_the_results});
  if (!has_framed_) write_frame("document", own_document(result), results);
  has_framed_ = true;
  results.attempt([&] { own_outputs_->lines.finish(results.patience_for(own_outputs_->series)); });
  results.attempt([&] {
    if (!own_outputs_->json.is_wanted()) return;
    own_outputs_->json.write(own_document(result), results.patience_for(own_outputs_->json));
    sync_file(own_.json);
  });
  return results.code();
}

End RankRun::end_of_rank_0(const Result& result) {
  EndBound bound{result.deadline_at + for_the_results - to_merge, beginning_.signals};
  bound.after_any_signal = for_the_others;
  std::vector<Part> parts = gather_parts(*coordinator_, bound);
  parts.insert(parts.begin(),
               Part{0, result.rank->host, own_code_, result.stop_reason == StopReason::server_lost,
                    own_document(result)});
  boost::json::object merged = merge_parts(whole_, parts);
  const bool all_are_here = merged["missing"].as_array().empty();
  echo::ResultWriter results{merged["exit_code"].to_number<int>(), beginning_.stop,
                             beginning_.signals};
  results.complete_by(std::chrono::steady_clock::time_point{result.deadline_at + for_the_results});
  End end;
  end.all_are_here = all_are_here && !bound.is_urgent();
  if (all_are_here) write_frame("merged", echo::text_of_document(merged), results);
  try {
    write_merged(merged, whole_outputs_->json, whole_outputs_->hgrm, !frames_, results);
    results.finish();
  } catch (const echo::Exit& failure) {
    end.message = std::string("client-mpi: ") + failure.what();
  }
  end.code = results.code();
  for (const Part& part : parts) {
    if (part.rank == 0 || part.document.empty()) continue;
    coordinator_->tell(coordinator_->others()[part.rank - 1], Kind::merged, end.code,
                       end.all_are_here ? 1 : 0);
  }
  coordinator_->flush();
  return end;
}

/// One line for stderr, of results that are in no report.
std::string summary_of(const Result& result) {
  const echo::Histogram& latency = result.tally.measured.latency;
  return fmt::format(
      "{}: rank {}: not merged: {} of {} served, {} echoes, p99 {}", result.rank->host,
      result.rank->share.rank, limits::format_count(result.tally.count(Outcome::served)),
      limits::format_count(result.requested), limits::format_count(result.tally.verified()),
      echo::text_of(latency.percentile(99)));
}

End RankRun::end_of_member(const Result& given) {
  Result result = given;
  const auto document_of = [&] {
    if (take_clocks(result)) own_code_ = write_own(result);
    return own_document(result);
  };
  const EndBound bound{result.deadline_at + for_the_results, beginning_.signals};
  const std::optional<Merged> merged = hand_over(*member_, document_of, bound);
  if (merged) return {merged->code, merged->all_are_here && !bound.is_urgent(), ""};
  End end{own_code_ == echo::exit_pass ? int{echo::exit_fail} : own_code_, false, ""};
  if (!own_outputs_->json.is_wanted() && !frames_) end.message = summary_of(result);
  return end;
}

End RankRun::end(const Result& measured) {
  Result result = measured;
  result.signal = told_signal(beginning_.signals);
  result.shown_options = shown_options(*beginning_.command, result.options);
  result.arguments = beginning_.command->arguments;
  own_code_ = result.exit_code = exit_code_of(result);
  own_code_ = write_own(result);  // first: what follows may end the program
  rendezvous().leave(own_code_, result.stop_reason == StopReason::server_lost);
  return coordinator_ ? end_of_rank_0(result) : end_of_member(result);
}

End RankRun::run() {
  try {
    if (beginning_.failure) refuse(beginning_.failure->code, beginning_.failure->why);
    prepare();
    End last = end(measure());
    echo::ResultWriter results{last.code, beginning_.stop, beginning_.signals};
    write_frame("end", echo::text_of_document(boost::json::object{{"exit_code", last.code}}),
                results);
    return last;
  } catch (const Refused& refused) {
    echo::ResultWriter results{refused.code(), beginning_.stop, beginning_.signals};
    const boost::json::object text{{"exit_code", refused.code()}, {"message", refusal_}};
    write_frame("refused", echo::text_of_document(text), results);
    return {refused.code(), refused.code() < echo::exit_signal && !*refused.what(), refused.what()};
  }
}

}  // namespace

End run_rank(const Beginning& beginning) {
  return RankRun{beginning}.run();
}

}  // namespace client::mpi
