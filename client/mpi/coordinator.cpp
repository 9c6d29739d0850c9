#include "client/mpi/coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "client/mpi/clock_exchange.hpp"
#include "echo/output/status_lines.hpp"
#include "limits/proc_text.hpp"

namespace client::mpi {
namespace {

/// What a due time lies ahead: over TCP between busy processors a message takes up to 3 ms, a rank
/// that sleeps looks 0.3 ms later, and rank 0 needs some microseconds for each.
constexpr std::chrono::milliseconds margin{30};
constexpr std::chrono::microseconds margin_of_each{100};
constexpr std::chrono::seconds patience_for_ramps{10};
constexpr std::chrono::seconds patience_for_like_refusals{1};

bool has_said(const Other& other) {
  return other.ready || other.refusal;
}

}  // namespace

Other::~Other() {
  cancel(receipt);
}

Coordinator::Coordinator(Share share, const echo::SignalWatch& signals)
    : FleetRendezvous(share, signals) {
  for (std::uint32_t rank = 1; rank < share.ranks; ++rank)
    others_.emplace_back(static_cast<int>(rank));
  // It is the reference.
  rank_.clock_before = ClockOffset{Nanoseconds{0}, Nanoseconds{0}, now()};
}

void Coordinator::listen() {
  for (Other& other : others_) {
    while (const std::optional<Note> note = other.notes.take()) take(other, *note);
  }
}

void Coordinator::take(Other& other, const Note& note) {
  other.host = note.host;
  if (note.kind == Kind::ready) other.ready = true;
  if (note.kind == Kind::refused) {
    other.refusal = note;
    other.ended = note.code;
  }
  if (note.kind == Kind::standing) {
    ++other.standing;
    if (gone_) tell(other, Kind::gone);
  }
  if (note.kind == Kind::ended) {
    other.ended = note.code;
    other.lost_its_server = note.value != 0;
  }
  if (note.kind == Kind::document && !other.sends_document) {
    other.sends_document = true;
    other.document.resize(static_cast<std::size_t>(note.value));
    if (MPI_Irecv(other.document.data(), static_cast<int>(note.value), MPI_BYTE, other.rank,
                  document_tag, MPI_COMM_WORLD, &other.receipt) != MPI_SUCCESS) {
      other.receipt = MPI_REQUEST_NULL;
      other.document.clear();
    }
  }
}

void Coordinator::tell(const Other& other, Kind kind, int code, std::int64_t value) {
  sender_.send(other.rank, Note{.kind = kind, .code = code, .value = value});
}

/// Only those that wait: Open MPI ends a program that sends to a rank which is gone.
void Coordinator::tell_those_who_wait(Kind kind, int code, std::int64_t value) {
  for (const Other& other : others_) {
    if (!other.ended && (meetings_ == 0 || other.standing >= meetings_))
      tell(other, kind, code, value);
  }
}

void Coordinator::flush() {
  wait_briefly([this] { return sender_.is_idle(); }, patience_for_sends);
}

std::uint64_t Coordinator::agree_on_seed(std::uint64_t own, const echo::Stop& /*stop*/,
                                         Nanoseconds /*give_up*/) {
  has_told_seed_ = true;
  for (const Other& other : others_) tell(other, Kind::seed, 0, static_cast<std::int64_t>(own));
  return own;
}

bool Coordinator::all_have_said() {
  listen();
  return std::all_of(others_.begin(), others_.end(), has_said);
}

/// Waits for the verdict of every rank. Returns those that cannot begin.
Coordinator::Refusals Coordinator::gather(const echo::Stop& stop, Nanoseconds give_up) {
  const Waited waited = wait_for([this] { return all_have_said(); }, stop, give_up);
  Refusals refusals;
  if (waited == Waited::stopped)
    refusals.push_back({rank_.host, 0, signal_code(), ended_by_signal});
  for (const Other& other : others_) {
    if (other.refusal) {
      refusals.push_back({other.host, other.rank, other.refusal->code, other.refusal->text});
    } else if (!other.ready && waited == Waited::late) {
      refusals.push_back(
          {other.host, other.rank, echo::exit_deadline, "it did not answer in time"});
    }
  }
  return refusals;
}

/// Says why, and lets all end with the code of the first. What all say alike of the command line or
/// of a signal is said once.
Refused Coordinator::refuse_all(const Refusals& refusals) {
  const Refusal& first = refusals.front();
  const bool alike = std::all_of(refusals.begin(), refusals.end(), [&first](const Refusal& each) {
    return each.code == first.code && each.why == first.why;
  });
  std::string text;
  if (alike && (first.code == echo::exit_usage || first.code >= echo::exit_signal)) {
    text = fmt::format("client-mpi: {}\n", limits::printable(first.why));
  } else {
    for (const Refusal& each : refusals) {
      text += fmt::format("{}: rank {}: {}\n", limits::printable(each.host), each.rank,
                          limits::printable(each.why));
    }
  }
  echo::write_message(text);
  for (const Other& other : others_) {
    const bool waits = other.refusal ? other.refusal->code < echo::exit_signal : other.ready;
    if (waits) tell(other, Kind::refuse, first.code);
  }
  flush();
  return {first.code, ""};
}

Refused Coordinator::refuse(int code, const std::string& why, const echo::Stop& stop,
                            Nanoseconds give_up) {
  // Most are refused for the same reason. The others wait for the seed before they say a word.
  const Nanoseconds soon = std::min(give_up, now() + patience_for_like_refusals);
  wait_for([this] { return all_have_said(); }, stop, soon);
  for (const Other& other : others_) {
    if (!has_told_seed_ && !has_said(other)) tell(other, Kind::seed);
  }
  Refusals refusals = gather(stop, give_up);
  refusals.insert(refusals.begin(), Refusal{rank_.host, 0, code, why});
  return refuse_all(refusals);
}

bool Coordinator::give_turn(Other& other) {
  tell(other, Kind::turn, 0, ++other.turns);
  return answer_clock(other.rank, other.turns, signals_);
}

Nanoseconds Coordinator::name_a_time() {
  const Nanoseconds due = now() + margin + margin_of_each * others_.size();
  started_ = due;
  tell_those_who_wait(Kind::due, 0, due.count());
  flush();
  return due;
}

std::optional<Nanoseconds> Coordinator::start(const echo::Stop& stop, Nanoseconds give_up) {
  tell_ready();
  Refusals refusals = gather(stop, give_up);
  for (Other& other : others_) {
    if (!refusals.empty()) break;
    const bool has_measured = give_turn(other);
    if (signals_.signal() != 0) {
      refusals.push_back({rank_.host, 0, signal_code(), ended_by_signal});
    } else if (!has_measured) {
      refusals.push_back({other.host, other.rank, echo::exit_network, "its clock does not answer"});
    }
  }
  if (!refusals.empty()) throw refuse_all(refusals);
  begun_ = true;
  return name_a_time();
}

Nanoseconds Coordinator::traffic(const echo::Stop& stop, Nanoseconds give_up) {
  tell_standing();
  ++meetings_;
  if (gone_) return now();
  // All have as much to connect: one that needs more than twice as long is lost, and no reason to
  // wait until the deadline.
  const Nanoseconds lost_at = now() + (now() - started_) + patience_for_ramps;
  Waited waited = wait_for(
      [this] {
        listen();
        return std::all_of(others_.begin(), others_.end(), [this](const Other& other) {
          return other.ended || other.standing >= meetings_;
        });
      },
      stop, std::min(give_up, lost_at));
  if (waited == Waited::late && now() < give_up) waited = Waited::done;
  for (Other& other : others_) {
    if (waited != Waited::done || stop.draining()) break;
    if (!other.ended && other.standing >= meetings_)
      give_turn(other);  // the clocks may have drifted during a long ramp
  }
  if (waited == Waited::done && !stop.draining()) {
    answered_ = meetings_;
    return name_a_time();
  }
  leave(0, false);
  return now();
}

void Coordinator::leave(int /*code*/, bool /*lost_its_server*/) {
  if (gone_) return;
  gone_ = true;
  // The others are told when they come to a meeting.
  for (const Other& other : others_) {
    if (!other.ended && other.standing > answered_) tell(other, Kind::gone);
  }
  flush();
}

Rank Coordinator::rank() const {
  Rank rank = rank_;
  if (begun_) rank.clock_after = ClockOffset{Nanoseconds{0}, Nanoseconds{0}, now()};
  return rank;
}

}  // namespace client::mpi
