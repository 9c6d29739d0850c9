// A rank other than 0.
#pragma once

#include <functional>

#include "client/mpi/fleet_rendezvous.hpp"
#include "client/mpi/note.hpp"

namespace client::mpi {

class Member final : public FleetRendezvous {
 public:
  Member(Share share, const echo::SignalWatch& signals);
  ~Member() override;

  std::uint64_t agree_on_seed(std::uint64_t own, const echo::Stop& stop,
                              Nanoseconds give_up) override;
  std::optional<Nanoseconds> start(const echo::Stop& stop, Nanoseconds give_up) override;
  Nanoseconds traffic(const echo::Stop& stop, Nanoseconds give_up) override;
  [[nodiscard]] Refused refuse(int code, const std::string& why, const echo::Stop& stop,
                               Nanoseconds give_up) override;
  void leave(int code, bool lost_its_server) override;

  // For the end (ending.hpp).
  /// What rank 0 says next, after the clock was measured if that is what it wants; `turn` is
  /// returned too then.
  std::optional<Note> take();
  void send_document(const std::string& document);
  [[nodiscard]] bool document_is_sent();

 private:
  void tell(Kind kind, int code = 0, const std::string& text = {}, std::int64_t value = 0);
  /// The next note of one of these kinds.
  Waited await(Note& note, std::initializer_list<Kind> kinds, const echo::Stop& stop,
               Nanoseconds give_up);
  void measure(int turn);
  [[nodiscard]] Refused end_before_the_start(Waited waited);
  [[nodiscard]] Nanoseconds here(std::int64_t ns_of_rank_0) const;
  void flush();

  NoteReceiver notes_{0};
  NoteSender sender_;
  std::optional<ClockOffset> clock_;  ///< the last measurement
  std::string document_;
  MPI_Request sending_ = MPI_REQUEST_NULL;
  bool gone_ = false;  ///< rank 0
};

}  // namespace client::mpi
