// The transport of a run's protocol, chosen at its start.
//
// The echo is the one whose cost this program is measured by: its transport is a member, whose
// calls the compiler resolves. Any other protocol's is called through the interface, which costs
// the echo one comparison per call (docs/decisions/0023).
#pragma once

#include <memory>
#include <utility>

#include "client/connection/echo_exchange.hpp"
#include "client/connection/transport.hpp"

namespace client {

class SelectedTransport final : public Transport {
 public:
  /// `other`: nullptr for the echo.
  SelectedTransport(EchoExchange echo, std::unique_ptr<Transport> other)
      : echo_(std::move(echo)), other_(std::move(other)) {}

  /// The transport of the echo, and that of another protocol where there is one.
  KernelTransport<EchoExchange>& echo() { return echo_; }
  [[nodiscard]] Transport* other() const { return other_.get(); }

  IoResult send_more(Connection& connection) override {
    if (other_) [[unlikely]]
      return other_->send_more(connection);
    return echo_.send_more(connection);
  }
  IoResult receive(Connection& connection, bool until_eof) override {
    if (other_) [[unlikely]]
      return other_->receive(connection, until_eof);
    return echo_.receive(connection, until_eof);
  }
  [[nodiscard]] std::uint64_t verified_bytes(const Connection& connection,
                                             std::uint32_t message) const override {
    if (other_) [[unlikely]]
      return other_->verified_bytes(connection, message);
    return echo_.verified_bytes(connection, message);
  }
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const override {
    return other_ ? other_->mismatch() : echo_.mismatch();
  }
  [[nodiscard]] std::string_view protocol() const override {
    return other_ ? other_->protocol() : echo_.protocol();
  }
  [[nodiscard]] std::string_view fault() const override {
    return other_ ? other_->fault() : echo_.fault();
  }
  [[nodiscard]] std::uint64_t received() const override {
    return other_ ? other_->received() : echo_.received();
  }
  [[nodiscard]] ReceiveSampler& sampler() override {
    return other_ ? other_->sampler() : echo_.sampler();
  }

 private:
  KernelTransport<EchoExchange> echo_;
  std::unique_ptr<Transport> other_;
};

}  // namespace client
