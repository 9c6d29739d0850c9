#include "client/activity/participants.hpp"

namespace client {

Participants::Participants(Table& table) {
  indices_.reserve(table.standing());
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    if (table[i].state == State::standing) indices_.push_back(i);
  }
}

void Participants::end_untried(Table& table, Phase phase) const {
  for (const std::uint32_t index : indices_) {
    const Connection& connection = table[index];
    const bool untried = connection.state == State::standing && connection.begun == 0;
    if (untried && table.running()) table.end(index, {Outcome::not_attempted, phase, 0});
  }
}

}  // namespace client
