// Half-closes all connections, reads until the peer's FIN or a quiet period (extra bytes are a
// failure), then closes them.
#pragma once

#include "client/activity/activity.hpp"

namespace client {

class Drain : public Activity {
 public:
  /// `hard_end`: where the run was stopped before, the drain ends by then. `reset`: closes at once,
  /// with RST.
  Drain(Table& table, Nanoseconds hard_end, bool reset);

  std::optional<Nanoseconds> step() override;

 private:
  [[nodiscard]] std::optional<Nanoseconds> half_close_next();
  [[nodiscard]] bool over(Nanoseconds quiet_at) const;
  std::optional<Nanoseconds> close_next();

  Table& table_;
  Nanoseconds hard_end_;
  bool reset_;
  bool whole_;                     ///< the run was not stopped before
  std::uint32_t next_ = 0;         ///< to half-close
  std::uint32_t next_closed_ = 0;  ///< to close
  bool closing_ = false;
  Nanoseconds began_;
};

}  // namespace client
