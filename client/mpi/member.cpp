#include "client/mpi/member.hpp"

#include <algorithm>

#include "client/mpi/clock_exchange.hpp"

namespace client::mpi {

Member::Member(Share share, const echo::SignalWatch& signals) : FleetRendezvous(share, signals) {}

Member::~Member() {
  if (sending_ != MPI_REQUEST_NULL) MPI_Request_free(&sending_);
}

void Member::tell(Kind kind, int code, const std::string& text, std::int64_t value) {
  Note note{.kind = kind, .code = code, .value = value};
  copy_text(note.host, rank_.host);
  copy_text(note.text, text);
  sender_.send(0, note);
}

void Member::flush() {
  wait_briefly([this] { return sender_.is_idle(); }, patience_for_sends);
}

void Member::measure(int turn) {
  const std::optional<ClockOffset> found = measure_clock(turn, signals_);
  if (!found) return;
  clock_ = found;
  if (!begun_) {
    rank_.clock_before = found;
  } else {
    rank_.clock_after = found;
  }
}

std::optional<Note> Member::take() {
  sender_.is_idle();
  std::optional<Note> note = notes_.take();
  if (note && note->kind == Kind::turn) measure(static_cast<int>(note->value));
  if (note && note->kind == Kind::gone) gone_ = true;
  return note;
}

Waited Member::await(Note& note, std::initializer_list<Kind> kinds, const echo::Stop& stop,
                     Nanoseconds give_up) {
  return wait_for(
      [&] {
        while (const std::optional<Note> next = take()) {
          if (std::find(kinds.begin(), kinds.end(), next->kind) == kinds.end()) continue;
          note = *next;
          return true;
        }
        return false;
      },
      stop, give_up);
}

Nanoseconds Member::here(std::int64_t ns_of_rank_0) const {
  return Nanoseconds{ns_of_rank_0} + (clock_ ? clock_->offset : Nanoseconds{0});
}

Refused Member::end_before_the_start(Waited waited) {
  if (waited == Waited::late)
    return {echo::exit_deadline, rank_.host + ": rank 0 did not answer in time"};
  tell(Kind::refused, signal_code(), ended_by_signal);
  flush();
  return {signal_code(), ""};
}

std::uint64_t Member::agree_on_seed(std::uint64_t /*own*/, const echo::Stop& stop,
                                    Nanoseconds give_up) {
  Note note;
  const Waited waited = await(note, {Kind::seed}, stop, give_up);
  if (waited != Waited::done) throw end_before_the_start(waited);
  return static_cast<std::uint64_t>(note.value);
}

std::optional<Nanoseconds> Member::start(const echo::Stop& stop, Nanoseconds give_up) {
  tell_ready();
  tell(Kind::ready);
  Note note;
  const Waited waited = await(note, {Kind::due, Kind::refuse}, stop, give_up);
  if (waited != Waited::done) throw end_before_the_start(waited);
  if (note.kind == Kind::refuse) throw Refused(note.code, "");
  begun_ = true;
  return here(note.value);
}

Refused Member::refuse(int code, const std::string& why, const echo::Stop& stop,
                       Nanoseconds give_up) {
  tell(Kind::refused, code, why);
  Note note;
  const Waited waited = await(note, {Kind::refuse}, stop, give_up);
  // Rank 0 says it, if it is there.
  if (waited == Waited::late) return {code, rank_.host + ": " + why};
  return {waited == Waited::done ? note.code : code, ""};
}

Nanoseconds Member::traffic(const echo::Stop& stop, Nanoseconds give_up) {
  tell_standing();
  if (gone_) return now();
  tell(Kind::standing);
  Note note;
  const Waited waited = await(note, {Kind::due, Kind::gone}, stop, give_up);
  if (waited != Waited::done || note.kind == Kind::gone) return now();
  const Nanoseconds due = here(note.value);
  if (due < now()) rank_.warning = "the time for the traffic to begin had passed when it arrived";
  return due;
}

void Member::leave(int code, bool lost_its_server) {
  tell(Kind::ended, code, {}, lost_its_server ? 1 : 0);
  flush();
}

void Member::send_document(const std::string& document) {
  document_ = document;
  tell(Kind::document, 0, {}, static_cast<std::int64_t>(document_.size()));
  if (MPI_Isend(document_.data(), static_cast<int>(document_.size()), MPI_BYTE, 0, document_tag,
                MPI_COMM_WORLD, &sending_) != MPI_SUCCESS)
    sending_ = MPI_REQUEST_NULL;
}

bool Member::document_is_sent() {
  return is_complete(sending_);
}

}  // namespace client::mpi
