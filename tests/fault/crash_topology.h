// The exchanges and queues of the crash test, and the messages that go through them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "escrow/v1/broker.pb.h"
#include "escrow/v1/message.pb.h"

namespace escrow::client::internal {
class Connection;
}

namespace escrow::crash {

enum Queue : std::uint8_t {
  kOrdered,  ///< one consumer that acks in order: the order of publishers must show
  kShared,   ///< two consumers that requeue and reject
  kLeft,     ///< one consumer that leaves and comes back
  kRight,    ///< consumed only when everything is drained: a backlog that lives through restarts
  kParked,   ///< the server's own, for messages of transactions that no queue is bound for; exists from the
             ///< first on
};
inline constexpr std::size_t kQueues = 5;
inline constexpr std::array<const char*, kQueues> kQueueNames{"crash.ordered", "crash.shared", "crash.left",
                                                              "crash.right", "escrow.parked"};
using QueueSet = std::uint8_t;  ///< a bit for each
constexpr QueueSet set_of(Queue queue) { return static_cast<QueueSet>(1u << queue); }

/// Where a message can be sent, and which queues are bound for it.
struct Route {
  const char* exchange;
  const char* key;
  QueueSet queues;
};
inline constexpr std::array<Route, 7> kRoutes{{
    {"", "crash.ordered", set_of(kOrdered)},
    {"crash.direct", "ordered", set_of(kOrdered)},
    {"crash.direct", "shared", set_of(kShared)},
    {"crash.fan", "", set_of(kLeft) | set_of(kRight)},
    {"crash.topic", "a.z", set_of(kLeft) | set_of(kRight)},
    {"crash.topic", "a.b", set_of(kLeft)},
    {"crash.topic", "b", 0},
}};
inline constexpr std::uint8_t kOrderedRoutes = 2;  ///< the first ones lead to kOrdered

/// Identifies a message; the body follows from it.
using Uid = std::uint32_t;

/// Declares everything; for the first start. The server's error otherwise.
std::optional<std::string> declare_topology(client::internal::Connection& connection);

void fill_message(Uid uid, const Route& route, v1::Message& message);
/// The uid, if every byte is as fill_message made it.
std::optional<Uid> read_message(const v1::Message& message);

}  // namespace escrow::crash
