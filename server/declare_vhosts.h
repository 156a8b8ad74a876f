// The virtual hosts of the configuration become those of the broker.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/inbox.h"

namespace escrow::server {

/// Returns when they are stored, and recorded in the ledger where they are new. The engine runs on another thread. With
/// those of former starts there may be too many: LIMIT_EXCEEDED.
Result<void> declare_vhosts(engine::Inbox& inbox, const std::vector<std::string>& names);

}  // namespace escrow::server
