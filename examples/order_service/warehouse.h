// The warehouse: receives the orders to be shipped and writes each delivery down.
#pragma once

#include <string>

#include "client/cpp/client.h"
#include "examples/order_service/termination.h"

namespace order_service {

/// Consumes until `termination`, one line per delivery into `delivery_log`: no duplicate is left out.
int ship(const escrow::client::Client& client, const std::string& delivery_log, Termination& termination);

}  // namespace order_service
