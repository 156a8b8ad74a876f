// Declares and deletes exchanges, queues and bindings, while everybody uses them.
#pragma once

#include "tests/sim/clients/client.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim {

class Administrator final : public Client {
 public:
  using Client::Client;

  /// Builds the world that the others expect.
  void set_up();
  void act() override;
  /// Asks for the counts of all queues.
  void take_stock();

 private:
  void declare_exchange();
  void declare_delayed(const KnownExchange& exchange);
  const KnownExchange& draw_exchange();
  void declare_queue();
  void bind(bool remove);
  void change();

  std::string draw_queue();
  FieldTable draw_arguments();
};

}  // namespace escrow::sim
