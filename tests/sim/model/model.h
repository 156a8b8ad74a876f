// The model: an independent account of what the server promised. It knows the commands, the answers, the deliveries and,
// after a crash, what is on disk; it knows nothing of how the server does it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/command.h"
#include "engine/engine.h"
#include "tests/sim/catalog.h"
#include "tests/sim/model/checks.h"
#include "tests/sim/model/consumers.h"
#include "tests/sim/model/copies.h"
#include "tests/sim/model/declarations.h"
#include "tests/sim/model/forwarding.h"
#include "tests/sim/model/journal.h"
#include "tests/sim/model/ledger.h"
#include "tests/sim/model/transactions.h"
#include "tests/sim/present.h"
#include "tests/sim/trace.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

class Model {
 public:
  Model(Verdict& verdict, Trace& trace, const Catalog& catalog, const Present& present,
        const engine::EngineOptions& options);

  /// The command is about to be given to the engine. Request numbers are unique over all ports.
  void submitted(PortNumber port, const engine::Command& command);

  // What comes back.
  void replied(PortNumber port, std::uint64_t request, const Result<engine::Reply>& reply);
  void delivered(PortNumber port, const broker::Delivery& delivery) { consumers_.delivered(port, delivery); }
  void cancelled(PortNumber port, broker::ConsumerId id) { consumers_.cancelled(port, id); }
  void checked(PortNumber port, const engine::Check& check) { checks_.asked(port, check); }
  void closed(PortNumber port);

  /// The engine gave a batch to the store, large bodies first, and the store made it durable.
  void bodies_written(const WriteSet& bodies) { journal_.bodies_written(bodies); }
  void sealed(const WriteSet& batch, Timestamp now) { journal_.sealed(batch, now), declarations_.sealed(); }
  void durable(const Store& store);

  /// The process is gone, and the store has recovered.
  void crashed(const Store& store);
  /// Everybody has what he wanted: from now on, nothing waits in any queue.
  void finishing() { finishing_ = true; }
  /// The same on disk.
  void finished(const Store& store);

  const Copies& copies() const { return copies_; }
  const Delays& delays() const { return delays_; }
  const Transactions& transactions() const { return transactions_; }
  const Declarations& declarations() const { return declarations_; }
  const Ledger& ledger() const { return ledger_; }

 private:
  enum class Kind : std::uint8_t {
    kSilent,    ///< is answered only when it fails
    kExpected,  ///< success or failure were foreseen
    kQueueList,
    kPurge,
    kPublish,
    kConsume,
    kTransaction,
  };
  struct Asked {
    Kind kind = Kind::kSilent;
    bool open = false;
    PortNumber port = 0;
    std::uint32_t number = 0;  ///< the model's, of the consumer, the purge or the list
    Expected expected;
  };
  struct Purge {
    Queue* queue = nullptr;
    std::string name;
    std::string actor;
    std::uint32_t number = 0;  ///< in the queue
    std::uint32_t attached = 0;
    bool undisturbed = false;
    bool recorded = false;
  };

  struct Port {
    bool closing = false;  ///< ClosePort was submitted
    std::uint32_t open_requests = 0;
  };

  // What each command means to the model.
  void ask(Asked& asked, const engine::Command& command, const engine::DeleteQueue& body);
  void ask(Asked& asked, const engine::Command& command, const engine::ListQueues& body);
  void ask(Asked& asked, const engine::Command& command, const engine::PurgeQueue& body);
  void ask(Asked& asked, const engine::Command& command, const engine::Publish& body);
  void ask(Asked& asked, const engine::Command& command, const engine::Consume& body);
  void ask(Asked& asked, const engine::Command& command, const engine::ClosePort& body);
  template <class Body>
  void ask(Asked& asked, const engine::Command& command, const Body& body);
  static void may_fail(Asked& asked, std::optional<ErrorCode> error);

  // What each answer must be.
  void check_answer(const Asked& asked, std::uint64_t request, const Result<engine::Reply>& reply);
  void check_expected(const Asked& asked, const Result<engine::Reply>& reply);
  void check_queue_list(const Asked& asked, const Result<engine::Reply>& reply);
  void check_purge(const Asked& asked, const Result<engine::Reply>& reply);
  void check_publish(std::uint64_t request, const Result<engine::Reply>& reply);
  void check_consume(const Asked& asked, const Result<engine::Reply>& reply);
  Port& port(PortNumber number);

  void recorded(const audit::Record& record, const Store& store);
  void purge_recorded(const audit::Record& record);
  void compare_topology(const Stored& stored);
  void compare_counts(const Stored& stored);

  Verdict& verdict_;
  const Catalog& catalog_;
  Ledger ledger_;
  Journal journal_;
  Declarations declarations_;
  Delays delays_;
  Copies copies_;
  Forwarding forwarding_;
  Consumers consumers_;
  Transactions transactions_;
  Checks checks_;
  std::vector<Asked> asked_;       // by request
  std::size_t first_of_life_ = 0;  // requests before it went with the server
  std::vector<Purge> purges_;
  std::vector<std::vector<std::string>> lists_;
  std::vector<Port> ports_;
  bool finishing_ = false;
};

}  // namespace escrow::sim::model
