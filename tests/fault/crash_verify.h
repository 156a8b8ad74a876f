// Compares what a server shows with what clients were told.
#pragma once

#include <chrono>

#include "tests/fault/crash_life.h"

namespace escrow::crash {

/// Right after a start, while no client works: every transaction by ListTransactions, those of the last round
/// and a sample by GetTransaction, the number of messages waiting in every queue. `groups` is the number of
/// producer groups so far; transactions of the `recent` last of them are listed.
void verify_at_rest(Life& life, int groups, int recent, int last_round);

bool queue_exists(Life& life, Queue queue);

/// Waits until no transaction is open and every queue is empty, which takes consumers and producers that
/// answer; then everything that had to be delivered must have been. False: it was not in time.
bool verify_drained(Life& life, int groups, std::chrono::seconds patience);

}  // namespace escrow::crash
