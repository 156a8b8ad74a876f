#include "bench/amqp_queues.h"

namespace escrow::bench {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

std::vector<std::string> queue_names(const std::string& prefix, int count) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) names.push_back(prefix + std::to_string(100'000 + i));
  return names;
}

void declare_anew(AmqpConnection& connection, const std::vector<std::string>& queues) {
  for (const std::string& queue : queues) {
    QueueDelete remove;
    remove.queue = queue;
    connection.ask<QueueDeleteOk>(remove);
    QueueDeclare declare;
    declare.queue = queue;
    declare.durable = true;
    connection.ask<QueueDeclareOk>(declare);
  }
}

}  // namespace escrow::bench
