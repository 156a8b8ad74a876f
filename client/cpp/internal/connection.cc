#include "client/cpp/internal/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

#include "client/cpp/internal/status.h"

namespace escrow::client::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr milliseconds kConnectTimeout{5000};
constexpr milliseconds kKeepaliveTimeout{10000};

/// RFC 4648, with padding.
std::string base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(i + k <= bytes.size() ? kAlphabet[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  return out;
}

std::shared_ptr<grpc::ChannelCredentials> make_credentials(const ClientOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = options.tls->root_certificates;
  ssl.pem_cert_chain = options.tls->certificate_chain;
  ssl.pem_private_key = options.tls->private_key;
  return grpc::SslCredentials(ssl);
}

std::shared_ptr<grpc::Channel> make_channel(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("escrow-client-cpp");
  arguments.SetMaxReceiveMessageSize(static_cast<int>(std::min<std::size_t>(options.max_receive_bytes, 1u << 30)));
  // gRPC's own pauses between connection attempts end at two minutes: a server would be back long before its
  // clients.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(options.backoff.initial.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(options.backoff.maximum.count()));
  // Despite its name this is how long one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(kConnectTimeout.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive_interval.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kKeepaliveTimeout.count()));
  // Probes may be all that is sent, on a stream that waits for checks or deliveries.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A connection of its own for each Client, instead of one shared in the background by all with the same
  // target.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return grpc::CreateCustomChannel(options.target, make_credentials(options), arguments);
}

}  // namespace

Connection::Connection(ClientOptions options)
    : options_(std::move(options)),
      authorization_("Basic " + base64(options_.user + ":" + options_.password)),
      next_seed_(std::random_device{}()),
      channel_(make_channel(options_)),
      coordinator_(v1::Coordinator::NewStub(channel_)),
      scheduler_(v1::Scheduler::NewStub(channel_)),
      broker_(v1::Broker::NewStub(channel_)),
      delayed_messages_(v1::DelayedMessages::NewStub(channel_)),
      policies_(v1::Policies::NewStub(channel_)),
      dead_letters_(v1::DeadLetters::NewStub(channel_)) {}

bool Connection::wait_connected(milliseconds timeout) {
  return channel_->WaitForConnected(system_clock::now() + timeout);
}

bool Connection::is_ready() { return channel_->GetState(false) == GRPC_CHANNEL_READY; }

void Connection::authorize(grpc::ClientContext& context) const { context.AddMetadata("authorization", authorization_); }

Result<void> Connection::call(Repeat repeat, const std::function<grpc::Status(grpc::ClientContext&)>& attempt) {
  const auto end = steady_clock::now() + options_.call_timeout;
  Backoff backoff = make_backoff();
  std::optional<Error> last_error;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    grpc::ClientContext context;
    authorize(context);
    context.set_deadline(system_clock::now() + std::min(left, options_.attempt_timeout));
    const grpc::Status status = attempt(context);
    if (status.ok()) return {};

    Error error = to_error(status);
    if (repeat == Repeat::kTransient ? !is_transient(error) : !is_refusal(error)) return error;
    // That the time was over says less than what happened before.
    if (!last_error || error.code != ErrorCode::kDeadlineExceeded) last_error = std::move(error);
    const milliseconds pause = std::max(backoff.next(), retry_delay(*last_error));
    if (steady_clock::now() + pause >= end) return *last_error;
    std::this_thread::sleep_for(pause);
  }
}

Backoff Connection::make_backoff() { return Backoff(options_.backoff, next_seed_.fetch_add(1)); }

}  // namespace escrow::client::internal
