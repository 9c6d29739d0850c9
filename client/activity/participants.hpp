// The connections that take part in traffic: those that are established when it begins. One that
// ends later stays in the list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/activity/table.hpp"
#include "client/connection/outcome.hpp"

namespace client {

class Participants {
 public:
  explicit Participants(Table& table);

  [[nodiscard]] std::size_t size() const { return indices_.size(); }
  [[nodiscard]] std::uint32_t operator[](std::size_t place) const { return indices_[place]; }
  [[nodiscard]] auto begin() const { return indices_.begin(); }
  [[nodiscard]] auto end() const { return indices_.end(); }

  /// Ends those on which no message was due before the time was over: nothing was verified on them.
  void end_untried(Table& table, Phase phase) const;

 private:
  std::vector<std::uint32_t> indices_;  ///< in the order in which they were opened
};

}  // namespace client
