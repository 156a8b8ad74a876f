#include "server/server.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "base/invariant.h"
#include "rpc/server_limits.h"
#include "server/amqp_access.h"
#include "server/declare_vhosts.h"

namespace escrow::server {
namespace {

/// What is left for the engine when all calls are finished or cancelled.
constexpr std::chrono::milliseconds kEngineDrain{5000};

engine::EngineThreadOptions engine_options(const Configuration& c) {
  engine::EngineThreadOptions options;
  options.engine.checks = c.check_policy();
  options.engine.check_receipt_timeout = c.checks_receipt_timeout;
  options.engine.check_answer_timeout = c.checks_answer_timeout;
  options.engine.decided_retention = c.transactions_retention;
  options.engine.page_memory_bytes = c.limits_page_memory;
  options.engine.transaction_memory_bytes = c.limits_transaction_memory;
  options.engine.transaction_bytes = rpc::ServerLimits{c.limits_message_bytes}.transaction_bytes();
  options.inbox.commands = c.limits_inbox_commands;
  options.inbox.bytes = c.limits_inbox_bytes;
  return options;
}

broker::net::LoginFrom login_from(const Configuration& c) {
  if (c.amqps_login_from == "common_name") return broker::net::LoginFrom::kCommonName;
  if (c.amqps_login_from == "distinguished_name") return broker::net::LoginFrom::kDistinguishedName;
  if (c.amqps_login_san_type == "dns") return broker::net::LoginFrom::kDnsName;
  if (c.amqps_login_san_type == "email") return broker::net::LoginFrom::kEmail;
  return broker::net::LoginFrom::kIpAddress;
}

broker::net::ListenerOptions listener_options(const Configuration& c) {
  broker::net::ListenerOptions options;
  if (c.amqp_port != 0) options.plain = {c.amqp_bind, c.amqp_port};
  if (c.serves_amqps()) options.with_tls = {c.amqps_bind, c.amqps_port};
  options.tls = {c.amqps_certificate_file,
                 c.amqps_key_file,
                 c.amqps_ca_file,
                 c.amqps_verify_peer,
                 c.amqps_fail_if_no_peer_certificate,
                 login_from(c)};
  options.max_connections = c.amqp_max_connections;
  options.limits.frame_max = static_cast<std::uint32_t>(c.amqp_frame_max);
  options.limits.channel_max = static_cast<std::uint16_t>(c.amqp_channel_max);
  options.limits.heartbeat_s =
      static_cast<std::uint16_t>(std::chrono::duration_cast<std::chrono::seconds>(c.amqp_heartbeat).count());
  options.limits.handshake = c.amqp_handshake_timeout;
  options.limits.message_bytes = c.limits_message_bytes;
  options.limits.consumers_per_channel = c.amqp_channel_consumers;
  options.limits.transaction_bytes = c.amqp_tx_bytes;
  options.limits.unwritten_bytes = static_cast<std::int64_t>(c.amqp_unwritten_bytes);
  return options;
}

std::uint64_t random_seed() {
  ESCROW_INVARIANT(sodium_init() >= 0, "libsodium starts");
  std::uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Configuration& configuration) {
  std::unique_ptr<Server> server(new Server(configuration));
  if (auto done = server->open_store(); !done) return std::move(done).error();
  if (auto done = server->start_engine(); !done) return std::move(done).error();
  if (auto done = declare_vhosts(server->engine_->inbox(), configuration.vhosts); !done) return std::move(done).error();
  if (auto done = server->load_users(); !done) return std::move(done).error();
  server->watch_resources();
  if (auto done = server->listen_grpc(); !done) return std::move(done).error();
  if (auto done = server->listen_amqp(); !done) return std::move(done).error();
  server->resources_->start();
  server->client_log_.start();
  return server;
}

Server::Server(const Configuration& configuration)
    : configuration_(configuration), client_log_(loop_.context(), clock_, spdlog::default_logger()) {}

Result<void> Server::open_store() {
  Result<DataDirectory> directory = DataDirectory::open(configuration_.data_dir);
  if (!directory) return std::move(directory).error();
  data_directory_ = std::make_unique<DataDirectory>(*std::move(directory));
  RocksStoreOptions options;
  options.memtable_bytes = configuration_.store_memtables;
  options.block_cache_bytes = configuration_.store_block_cache;
  options.accept_data_loss = configuration_.store_accept_data_loss;
  Result<std::unique_ptr<RocksStore>> store = RocksStore::open(data_directory_->database_path(), options);
  if (!store) return std::move(store).error();
  store_ = *std::move(store);
  return {};
}

Result<void> Server::start_engine() {
  engine::EngineThreadOptions options = engine_options(configuration_);
  options.loop = &loop_;
  auto engine = engine::EngineThread::start(*store_, clock_, options, random_seed());
  if (!engine) return std::move(engine).error();
  engine_ = *std::move(engine);
  return {};
}

void Server::watch_resources() {
  resources_ = std::make_unique<ResourceWatch>(loop_.context(), configuration_, [this](broker::LowResources low) {
    engine_->inbox().set_alarm(low);
    if (amqp_ != nullptr) amqp_->alarm_changed();
  });
}

Result<void> Server::load_users() {
  Result<AdminSecret> secret = load_admin_secret(configuration_.data_dir);
  if (!secret) return std::move(secret).error();
  admin_secret_ = std::make_unique<AdminSecret>(*std::move(secret));
  std::vector<rpc::Credentials> secrets = {{std::string(kAdministrator), admin_secret_->secret}};
  if (configuration_.dev) secrets.push_back({std::string(kDevelopmentUser), std::string(kDevelopmentUser)});
  std::vector<rpc::Authenticator::HashedUser> users = configuration_.users;
  std::erase_if(users, [](const auto& user) { return user.hash.empty(); });
  authenticator_ = std::make_unique<rpc::Authenticator>(
      secrets, std::move(users), [this](std::string_view user, std::string_view peer) {
        client_log_.report({.kind = ClientLog::Event::Kind::kLoginRefused,
                            .peer = peer,
                            .user = user,
                            .text = "UNAUTHENTICATED, by gRPC"});
      });
  return {};
}

Result<void> Server::listen_amqp() {
  if (!configuration_.serves_amqp()) return {};
  Result<AmqpAccess> access = AmqpAccess::compile(configuration_);
  if (!access) return std::move(access).error();
  auto listener = broker::net::Listener::start(
      loop_, *engine_, clock_, listener_options(configuration_),
      [this, access = *std::move(access)](broker::amqp::Login login, auto answer) {
        auto permissions = access.of(login.user);
        if (login.certified) return answer(is_configured(login.user) ? std::move(permissions) : nullptr);
        authenticator_->verify(rpc::format_basic({std::move(login.user), std::move(login.password)}),
                               [permissions = std::move(permissions), answer = std::move(answer)](
                                   rpc::Authenticator::Verdict verdict) { answer(verdict ? permissions : nullptr); });
      },
      [this](const broker::amqp::ConnectionEvent& event) { client_log_.report(event); }, random_seed());
  if (!listener) return std::move(listener).error();
  amqp_ = *std::move(listener);
  return {};
}

bool Server::is_configured(std::string_view user) const {
  return std::ranges::find(configuration_.users, user, &rpc::Authenticator::HashedUser::name) !=
         configuration_.users.end();
}

Result<void> Server::listen_grpc() {
  if (configuration_.grpc_port == 0) return {};
  const std::size_t message_bytes = configuration_.limits_message_bytes;
  streams_ = std::make_unique<rpc::StreamSet>(rpc::kMaxStreams);
  lists_ = std::make_unique<coordinator::api::ListWorker>(*authenticator_);
  const coordinator::api::ServiceParts parts{engine_->inbox(), *store_, clock_,       *authenticator_,
                                             *streams_,        *lists_, message_bytes};
  coordinator_ = std::make_unique<coordinator::api::CoordinatorService>(parts);
  scheduler_ = std::make_unique<coordinator::api::SchedulerService>(parts);
  const broker::api::ServiceParts broker_parts{engine_->inbox(), *authenticator_, *streams_, message_bytes};
  broker_ = std::make_unique<broker::api::BrokerService>(broker_parts);
  delayed_messages_ = std::make_unique<broker::api::DelayedMessagesService>(broker_parts);
  policies_ = std::make_unique<broker::api::PoliciesService>(broker_parts);
  dead_letters_ = std::make_unique<broker::api::DeadLettersService>(broker_parts);
  GrpcServerOptions options;
  options.bind = configuration_.grpc_bind;
  options.port = configuration_.grpc_port;
  options.tls_certificate_file = configuration_.grpc_tls_certificate_file;
  options.tls_key_file = configuration_.grpc_tls_key_file;
  options.tls_client_ca_file = configuration_.grpc_tls_client_ca_file;
  options.limits.message_bytes = message_bytes;
  auto grpc = GrpcServer::start(options,
                                {coordinator_.get(), scheduler_.get(), broker_.get(), delayed_messages_.get(),
                                 policies_.get(), dead_letters_.get()},
                                [engine = engine_.get()] { engine->attend(); });
  if (!grpc) return std::move(grpc).error();
  grpc_ = *std::move(grpc);
  return {};
}

bool Server::drain() {
  if (grpc_ != nullptr) {
    grpc_->stop_serving();
    streams_->end_all();
    grpc_->shutdown(std::chrono::system_clock::now() + configuration_.shutdown_deadline);
  }
  if (amqp_ != nullptr) {
    const auto gone = std::make_shared<std::promise<void>>();
    amqp_->shut_down([gone] { gone->set_value(); });
    if (gone->get_future().wait_for(configuration_.shutdown_deadline) != std::future_status::ready) {
      // They are cut off when the engine has ended.
      return engine_->drain(kEngineDrain), false;
    }
  }
  return engine_->drain(kEngineDrain);
}

Server::~Server() {
  if (streams_ != nullptr) streams_->end_all();
  // The engine answers calls until the last one is finished.
  grpc_.reset();
  engine_.reset();
  // What it still answers goes to the connections of AMQP.
  authenticator_.reset();
}

std::string Server::describe() const {
  const std::string grpc = grpc_ == nullptr ? "no gRPC" : "gRPC on " + grpc_->address();
  const std::string amqp = amqp_ == nullptr ? "no AMQP" : amqp_->describe();
  return grpc + ", " + amqp + ", data in " + configuration_.data_dir + " (format version " +
         std::to_string(DataDirectory::kFormatVersion) + ")";
}

}  // namespace escrow::server
