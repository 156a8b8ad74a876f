// SIGTERM and SIGINT, received by a thread that waits for them: no handler that may do next to nothing.
#pragma once

#include <functional>

namespace escrow::server {

/// Blocks the signals in this thread and in all that it starts from now on. Once, before the first thread.
void block_stop_signals();

/// Waits for one of them and returns its number.
int wait_for_stop_signal();

/// From now on the next one calls `again`, on a thread of its own that nobody waits for.
void on_next_stop_signal(std::function<void(int)> again);

}  // namespace escrow::server
