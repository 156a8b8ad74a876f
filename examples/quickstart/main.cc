// Sends one message together with a local transaction, and receives it.
//
// Usage: quickstart [host:port]   of an escrowd --dev; by default the one at 127.0.0.1:5680
#include <ctime>
#include <future>
#include <iostream>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "client/cpp/broker.h"
#include "client/cpp/consumer.h"
#include "client/cpp/producer.h"

using namespace escrow::client;  // NOLINT(google-build-using-namespace): an example

int main(int argc, char** argv) {
  const Client client({.target = argc > 1 ? argv[1] : "127.0.0.1:5680", .user = "guest", .password = "guest"});
  Broker broker(client);
  if (auto declared = broker.declare_queue("hello"); !declared) {
    std::cerr << declared.error().message << '\n';
    return 1;
  }

  // Stands for the service's database: what is in it is committed.
  std::mutex mutex;
  std::set<std::string> database;
  const auto in_database = [&](const std::string& id) {
    const std::lock_guard lock(mutex);
    return database.contains(id);
  };

  Producer producer(client, "quickstart");
  producer.on_check([&](const Check& check) {
    // A real database needs the barrier of docs/client-cpp.md here: "not there" must mean "never will be".
    return in_database(check.transaction_id) ? Verdict::kCommit : Verdict::kUnknown;
  });

  const std::string id = "greeting-" + std::to_string(std::time(nullptr));
  const SendResult result = producer.send(id, {{.routing_key = "hello", .body = "Hello from " + id}}, [&] {
    const std::lock_guard lock(mutex);
    database.insert(id);  // the local transaction
  });
  std::cout << (result.committed() ? "committed " : "not committed ") << id << '\n';

  std::promise<std::string> received;
  Consumer consumer(client, {.queue = "hello"}, [&, first = true](const Delivery& delivery) mutable {
    if (std::exchange(first, false)) received.set_value(delivery.message.body);
    return Settlement::kAck;
  });
  std::cout << "received: " << received.get_future().get() << '\n';
}
