// The end of a fleet: each clock once more, and all documents to rank 0.
//
// Each rank has written its own document by then. What happens here may fail, and nothing that was
// measured is lost.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/mpi/coordinator.hpp"
#include "client/mpi/member.hpp"
#include "client/mpi/whole.hpp"

namespace client::mpi {

/// When a rank has waited enough. mpirun kills a second after it has passed SIGINT or SIGTERM on,
/// so a rank has answered within half of that.
struct EndBound {
  Nanoseconds latest{};
  const echo::SignalWatch& signals;
  Nanoseconds after_any_signal = never;  ///< also after one that leaves time
  /// The launcher is about to kill.
  [[nodiscard]] bool is_urgent() const;
  [[nodiscard]] bool has_passed() const;
};

/// Rank 0: measures the clock of each rank that ends, and receives its document. Returns the parts
/// of all other ranks; a document that has not come by `bound` is empty.
std::vector<Part> gather_parts(Coordinator& coordinator, const EndBound& bound);

struct Merged {
  int code = 0;               ///< that all end with
  bool all_are_here = false;  ///< no rank is missing
};

/// Another rank: measures its clock, and sends what `document_of` returns then. nullopt: rank 0 did
/// not say that it has merged it.
std::optional<Merged> hand_over(Member& member, const std::function<std::string()>& document_of,
                                const EndBound& bound);

}  // namespace client::mpi
