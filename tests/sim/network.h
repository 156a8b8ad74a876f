// The network between clients and the engine: it delays, reorders, repeats and loses.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/command.h"
#include "tests/sim/sim_port.h"

namespace escrow::sim {

struct NetworkFaults {
  double repeat = 0;  ///< a unary command arrives twice
  double delay = 0;   ///< a unary command takes a detour of up to `longest_delay` steps
  std::uint64_t longest_delay = 100;
};

/// Commands of a stream port arrive in their order; ClosePort is always the last.
class Network {
 public:
  Network(NetworkFaults faults, Random random) : faults_(faults), random_(random) {}

  /// Returns the number of the request.
  std::uint64_t post(SimPort& port, engine::CommandBody body, const std::string& actor);
  /// ClosePort after everything else. `abruptly`: a part of what is on the way never arrives.
  void close(SimPort& port, bool abruptly);
  /// The server is gone, and with it all connections.
  void clear();

  void step();
  void stop_faults() { faults_ = {}; }
  /// Something can arrive now.
  bool ready() const { return !busy_.empty(); }
  bool idle() const { return busy_.empty() && delayed_.empty(); }
  std::pair<SimPort*, engine::Command> take();

 private:
  struct Delayed {
    std::uint64_t until = 0;
    SimPort* port = nullptr;
    engine::Command command;
  };
  void enqueue(SimPort& port, engine::Command command);
  void make_busy(SimPort& port);
  static bool repeatable(const engine::Command& command);

  NetworkFaults faults_;
  Random random_;
  std::uint64_t now_ = 0;  // in steps
  std::uint64_t next_request_ = 0;
  std::vector<SimPort*> busy_;
  std::vector<Delayed> delayed_;
};

}  // namespace escrow::sim
