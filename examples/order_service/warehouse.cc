#include "examples/order_service/warehouse.h"

#include "client/cpp/consumer.h"
#include "examples/order_service/append_file.h"
#include "examples/order_service/order_service.h"

namespace order_service {

using escrow::client::Consumer;
using escrow::client::Delivery;
using escrow::client::Settlement;

int ship(const escrow::client::Client& client, const std::string& delivery_log, Termination& termination) {
  AppendFile log(delivery_log);
  Consumer shipping(client, {.queue = kQueue}, [&](const Delivery& delivery) {
    log.add(delivery.message.properties.message_id.value_or("without-id"));
    return Settlement::kAck;
  });
  termination.wait();
  shipping.stop();
  return 0;
}

}  // namespace order_service
