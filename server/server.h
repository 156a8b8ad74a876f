// The composition root: makes all parts of a server, in order, and takes them apart again.
//
//   start   data directory (lock) ─▶ store (recovery) ─▶ engine (recovery) ─▶ vhosts ─▶ credentials ─▶ services ─▶ listen
//   drain   NOT_SERVING ─▶ streams end, calls finish ─▶ engine empty ─▶ everything goes in reverse order
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "broker/api/broker_service.h"
#include "broker/api/dead_letters_service.h"
#include "broker/api/delayed_messages_service.h"
#include "broker/api/policies_service.h"
#include "broker/net/asio_loop.h"
#include "broker/net/listener.h"
#include "coordinator/api/coordinator_service.h"
#include "coordinator/api/scheduler_service.h"
#include "engine/engine_thread.h"
#include "rpc/authenticator.h"
#include "rpc/stream_set.h"
#include "server/admin_secret.h"
#include "server/client_log.h"
#include "server/configuration.h"
#include "server/grpc_server.h"
#include "server/resource_watch.h"
#include "storage/data_directory.h"
#include "storage/rocks_store.h"

namespace escrow::server {

class Server {
 public:
  /// Returns when clients are served. The errors are those of the parts (data_directory.h, rocks_store.h, …).
  static Result<std::unique_ptr<Server>> start(const Configuration& configuration);
  /// Without drain() before, calls under way are cancelled.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes no more work, finishes what is under way within shutdown.deadline, and cancels the rest. False: the engine
  /// did not become empty in time; what it had acknowledged is on disk all the same.
  bool drain();

  /// For the log: where clients are served.
  std::string describe() const;
  const AdminSecret& admin_secret() const { return *admin_secret_; }

 private:
  explicit Server(const Configuration& configuration);
  Result<void> open_store();
  Result<void> start_engine();
  void watch_resources();
  Result<void> load_users();
  Result<void> listen_amqp();
  /// A user of [users]: only these may come by a certificate, so that no authority can make itself an administrator.
  bool is_configured(std::string_view user) const;
  Result<void> listen_grpc();

  const Configuration configuration_;
  const SystemClock clock_;
  std::unique_ptr<DataDirectory> data_directory_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<AdminSecret> admin_secret_;
  std::unique_ptr<rpc::StreamSet> streams_;
  broker::net::AsioLoop loop_;
  ClientLog client_log_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<coordinator::api::ListWorker> lists_;
  std::unique_ptr<coordinator::api::CoordinatorService> coordinator_;
  std::unique_ptr<coordinator::api::SchedulerService> scheduler_;
  std::unique_ptr<broker::api::BrokerService> broker_;
  std::unique_ptr<broker::api::DelayedMessagesService> delayed_messages_;
  std::unique_ptr<broker::api::PoliciesService> policies_;
  std::unique_ptr<broker::api::DeadLettersService> dead_letters_;
  std::unique_ptr<ResourceWatch> resources_;
  std::unique_ptr<broker::net::Listener> amqp_;
  std::unique_ptr<engine::EngineThread> engine_;  // after the ports it answers to
  std::unique_ptr<GrpcServer> grpc_;
};

}  // namespace escrow::server
