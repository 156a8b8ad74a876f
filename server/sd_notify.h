// Tells systemd how the service is doing: the protocol of sd_notify(3), one datagram to the socket that NOTIFY_SOCKET
// names. Does nothing without one.
#pragma once

#include <string_view>

namespace escrow::server {

/// `state`: READY=1, STOPPING=1, STATUS=…, separated by newlines.
void sd_notify(std::string_view state);

}  // namespace escrow::server
