// Rank 0, at which the others meet.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "client/mpi/fleet_rendezvous.hpp"
#include "client/mpi/note.hpp"

namespace client::mpi {

/// Another rank, as rank 0 knows it.
struct Other {
  explicit Other(int number) : rank(number), notes(number) {}
  ~Other();
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

  int rank;
  NoteReceiver notes;
  std::string host = "?";  ///< until it has said anything
  bool ready = false;
  std::optional<Note> refusal;
  int standing = 0;          ///< how many times
  std::optional<int> ended;  ///< its exit code
  bool lost_its_server = false;
  int turns = 0;         ///< clock measurements
  std::string document;  ///< being received
  MPI_Request receipt = MPI_REQUEST_NULL;
  bool sends_document = false;
};

class Coordinator final : public FleetRendezvous {
 public:
  Coordinator(Share share, const echo::SignalWatch& signals);

  std::uint64_t agree_on_seed(std::uint64_t own, const echo::Stop& stop,
                              Nanoseconds give_up) override;
  std::optional<Nanoseconds> start(const echo::Stop& stop, Nanoseconds give_up) override;
  Nanoseconds traffic(const echo::Stop& stop, Nanoseconds give_up) override;
  [[nodiscard]] Refused refuse(int code, const std::string& why, const echo::Stop& stop,
                               Nanoseconds give_up) override;
  void leave(int code, bool lost_its_server) override;

  [[nodiscard]] Rank rank() const override;

  // For the end (ending.hpp).
  std::deque<Other>& others() { return others_; }
  /// Takes in what has arrived.
  void listen();
  void tell(const Other& other, Kind kind, int code = 0, std::int64_t value = 0);
  /// Lets `other` measure its clock. Returns false if it did not answer.
  bool give_turn(Other& other);
  /// Waits until what was told is on its way.
  void flush();

 private:
  struct Refusal {
    std::string host;
    int rank;
    int code;
    std::string why;
  };
  using Refusals = std::vector<Refusal>;

  /// Takes in what has arrived. Whether each can begin, or cannot.
  bool all_have_said();
  Refusals gather(const echo::Stop& stop, Nanoseconds give_up);
  [[nodiscard]] Refused refuse_all(const Refusals& refusals);
  void tell_those_who_wait(Kind kind, int code = 0, std::int64_t value = 0);
  Nanoseconds name_a_time();
  void take(Other& other, const Note& note);

  std::deque<Other> others_;
  NoteSender sender_;
  int meetings_ = 0;       ///< before traffic
  int answered_ = 0;       ///< of these
  Nanoseconds started_{};  ///< the last time that was agreed on
  bool has_told_seed_ = false;
  bool gone_ = false;
};

}  // namespace client::mpi
