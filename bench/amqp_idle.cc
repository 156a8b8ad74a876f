#include <sys/resource.h>

#include <cstdio>
#include <list>

#include "bench/amqp_loads.h"

namespace escrow::bench {

void run_idle(const AmqpServer& server, int connections) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::list<AmqpConnection> held;
  for (int i = 0; i < connections; ++i) held.emplace_back(server);
  std::printf("ready\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
}

}  // namespace escrow::bench
