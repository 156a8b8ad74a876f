// Tables and their keys. Numbers are frozen: they are on disk.
//
// Integers in keys are big-endian, so that byte order is number order.
//
//   kHead          "head"                                  → Head: batch number, engine time, counters, audit tip
//   kTopology      kind u8, vhost string, name …           → exchange, queue, binding
//   kLogState      log u64                                 → first live sequence, delivered mark
//   kPages         log u64, first sequence u64             → records of the page (append)
//   kPageIndex     log u64, first sequence u64             → extent of a page that has left memory
//   kPageState     log u64, first sequence u64             → what of the page is gone, delivery counts
//   kOpenTransactions     group string, id string          → transaction that is not decided, with its messages
//   kChecks               group string, id string          → check state, once a check has counted
//   kDecidedTransactions  group string, id string          → decided transaction, without bodies
//   kTimers        lane u32, bucket u64, batch u64         → packed timer entries
//   kGroups        name                                    → producer group: its lane
//   kAudit         first sequence u64                      → packed audit records of one batch
//   kBodies        body u64, chunk u32                     → bytes of a large body
//   kDelayed       log u64, due u64, batch u64, part u32   → messages that are kept back till then
//                  log u64                                 → how many there are
//   kKeys          log u64, row u64                        → idempotency keys that one batch adds
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace escrow {

enum class Table : std::uint8_t {
  kHead = 0,
  kTopology = 1,
  kLogState = 2,
  kPages = 3,
  kPageIndex = 4,
  kPageState = 5,
  kOpenTransactions = 6,
  kChecks = 7,
  kDecidedTransactions = 8,
  kTimers = 9,
  kGroups = 10,
  kAudit = 11,
  kBodies = 12,
  kDelayed = 13,
  kKeys = 14,
};

inline constexpr std::size_t kTableCount = 15;

/// Names on disk, by Table.
inline constexpr std::array<std::string_view, kTableCount> kTableNames = {"head",
                                                                          "topology",
                                                                          "log_state",
                                                                          "pages",
                                                                          "page_index",
                                                                          "page_state",
                                                                          "open_transactions",
                                                                          "checks",
                                                                          "decided_transactions",
                                                                          "timers",
                                                                          "groups",
                                                                          "audit",
                                                                          "bodies",
                                                                          "delayed",
                                                                          "keys"};

}  // namespace escrow
