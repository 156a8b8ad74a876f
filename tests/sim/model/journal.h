// What each batch changes in the queues on disk: which messages come into them and which leave. Batches are read when they
// are sealed and count when they are durable, so that everything which has to happen in one batch can be seen to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/page_state.h"
#include "broker/core/queue_log.h"
#include "storage/write_set.h"
#include "tests/sim/catalog.h"
#include "tests/sim/model/form.h"
#include "tests/sim/model/topology.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

using CopyId = std::uint32_t;
using broker::BatchNumber;

/// A message as a batch writes it.
struct Written {
  broker::Seq seq = 0;
  Token token = 0;
  Timestamp time;  ///< when the last one of its fragment came
  std::optional<Timestamp> expires_at;
  std::shared_ptr<const Message> changed;  ///< without body; nullptr: it is as it was sent
};

/// It came into the queue.
struct Arrival {
  Queue* queue = nullptr;
  Written message;
  CopyId* copy = nullptr;  ///< to be told
  bool explained = false;
};

/// It left the queue.
struct Departure {
  Queue* queue = nullptr;
  CopyId copy = kNone;
};

/// An exchange keeps it back from now on, until that time.
struct DelayArrival {
  std::string exchange;
  Timestamp due;
  Written message;
  std::uint32_t* delayed = nullptr;  ///< to be told
  bool explained = false;
};

/// It is not kept back any more.
struct DelayDeparture {
  std::uint32_t delayed = kNone;
  broker::LogId log = 0;
  bool exchange_gone = false;
};

/// What a durable batch did.
struct Passage {
  BatchNumber batch = 0;
  Window time;  ///< in which everything in it happened
  std::vector<Arrival> arrivals;
  std::vector<Departure> departures;
  std::vector<DelayArrival> delay_arrivals;
  std::vector<DelayDeparture> delay_departures;
};

class Journal {
 public:
  Journal(Verdict& verdict, const Catalog& catalog) : verdict_(verdict), catalog_(catalog) {}

  /// Large bodies are written before their batch.
  void bodies_written(const WriteSet& bodies);
  void sealed(const WriteSet& batch, Timestamp now);
  /// The batch that was sealed last, if it is durable now and was not taken before. `find` tells the queue of a name.
  /// `topology` tells whether there is an exchange of a name.
  std::optional<Passage> take_durable(BatchNumber durable, const Topology& topology,
                                      const std::function<Queue*(const std::string&)>& find);
  /// What was not durable never happened.
  void crashed() { sealed_.reset(); }

 private:
  struct Entry {
    Written message;
    CopyId copy = kNone;
    bool arrived = false;
  };
  struct Page {
    std::vector<Entry> entries;  ///< that are not gone, in order
    broker::PageState state;
    bool touched = false;
    std::vector<CopyId> departed;
  };
  struct Log {
    Queue* queue = nullptr;
    std::map<broker::Seq, Page> pages;
  };
  /// What an exchange keeps back, by key.
  struct DelayEntry {
    std::vector<Entry> entries;
    Timestamp due;
  };
  struct DelayLog {
    std::string exchange;
    std::map<std::string, DelayEntry> entries;
  };
  /// An operation on a page, or on all of them, or on an entry of delayed messages.
  struct Change {
    enum class Kind : std::uint8_t {
      kQueue,
      kReplace,
      kAppend,
      kState,
      kErase,
      kEraseAll,
      kExchange,
      kDelay,
      kRelease,
      kReleaseAll
    };
    Kind kind = Kind::kReplace;
    broker::LogId log = 0;
    broker::Seq page = 0;
    std::string name;  ///< of the queue or exchange; of an entry its key
    std::vector<Written> messages;
    broker::PageState state;
    Timestamp due;
  };
  struct Sealed {
    BatchNumber batch = 0;
    Timestamp time;
    std::vector<Change> changes;
  };

  void read(WriteSet::Op op, Table table, std::string_view key, std::string_view value);
  void read_delayed(WriteSet::Op op, std::string_view key, std::string_view value);
  void read_topology(std::string_view key, std::string_view value);
  std::vector<Written> read_messages(std::string_view page);
  std::optional<Token> token_of(const MessageView& message) const;
  void apply(Change& change, Passage& passage, const std::function<Queue*(const std::string&)>& find);
  void apply_delayed(Change& change, Passage& passage);
  static void release(broker::LogId id, DelayLog& log, const std::string& key, Passage& passage);
  void settle_delayed(Passage& passage);
  bool is_gone(broker::LogId log, const Topology& topology) const;
  void replace(Page& page, std::vector<Written> messages);
  static void settle(Queue* queue, broker::Seq first, Page& page, Passage& passage);

  Verdict& verdict_;
  const Catalog& catalog_;
  std::unordered_map<std::uint64_t, std::optional<Token>> bodies_;
  std::optional<Sealed> sealed_;
  Timestamp last_time_{};
  std::unordered_map<broker::LogId, Log> logs_;
  std::map<broker::LogId, DelayLog> delays_;
  std::map<std::string, broker::LogId> delay_log_of_;  // exchange
  std::vector<std::pair<broker::LogId, std::string>> new_delays_;
  std::vector<std::pair<broker::LogId, broker::Seq>> touched_;
};

}  // namespace escrow::sim::model
