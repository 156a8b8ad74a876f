// The connection to a server that producers, consumers and all others of this library share.
//
//   escrow::client::Client client({.target = "127.0.0.1:5680", .user = "guest", .password = "guest"});
//
// Everything here returns escrow::Result. An escrow::Error has the code and the stable reason of the server
// (proto/escrow/v1/*.proto lists them). What did not come from the server, a lost connection or an exceeded
// deadline, has the name of its code as reason: UNAVAILABLE, DEADLINE_EXCEEDED.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "client/cpp/options.h"

namespace escrow::client {

namespace internal {
class Connection;
}

/// A handle: copies share one connection, and it lives as long as anything made from it. Thread-safe.
class Client {
 public:
  /// Does not connect yet and does not fail: the first call connects, and a lost connection is made anew by
  /// itself.
  explicit Client(ClientOptions options);

  /// Waits until the server can be reached. False: not within `timeout`. Says nothing about user and
  /// password.
  bool wait_connected(std::chrono::milliseconds timeout) const;

  /// One cheap call. Tells whether the server is there and takes the user and password.
  Result<void> ping() const;

  /// For the other classes of this library.
  const std::shared_ptr<internal::Connection>& connection() const { return connection_; }

 private:
  std::shared_ptr<internal::Connection> connection_;
};

}  // namespace escrow::client
