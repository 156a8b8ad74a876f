// A client's connection: the state machine of AMQP 0-9-1 (section 2.2.4), from bytes to commands of the broker and back.
//
//   bytes ─▶ receive ─▶ SessionHost::post ─▶ engine ─▶ reply, deliver, consumer_cancelled ─▶ flush ─▶ output ─▶ bytes
//
// Pure: no sockets, no clock, no threads. One thread at a time calls it. The behaviour is RabbitMQ's where the specification
// leaves a choice (https://www.rabbitmq.com/docs/specification).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "broker/amqp/access.h"
#include "broker/amqp/channel.h"
#include "broker/amqp/connection_event.h"
#include "broker/amqp/frame.h"
#include "broker/amqp/method.h"
#include "broker/core/command.h"
#include "broker/core/resource_alarm.h"

namespace escrow::broker::amqp {

/// Limits with their defaults.
struct SessionLimits {
  std::uint32_t frame_max = kDefaultFrameMax;
  std::uint16_t channel_max = 2047;
  std::uint16_t heartbeat_s = 60;  ///< suggested; 0: none
  std::size_t message_bytes = 16 << 20;
  std::size_t consumers_per_channel = 10'000;
  /// Of publishes that wait for tx.commit.
  std::size_t transaction_bytes = 32 << 20;
  Monotonic handshake = std::chrono::seconds(10);
  /// What consumers are sent before the client has taken what it got.
  std::int64_t unwritten_bytes = 1 << 20;
};

/// What a client gets to see the end of its connection by itself.
inline constexpr Monotonic kLinger = std::chrono::seconds(1);

struct Login {
  std::string user;
  std::string password;
  bool certified = false;  ///< instead of a password: by a certificate that was verified
};

/// A command for the engine. `request` comes back with the reply.
struct Request {
  std::uint64_t request = 0;
  ClientCommand command;
  std::shared_ptr<CommandScope> scope;
};

/// Where a session's wishes go. Owned by whoever owns the session, and outlives it.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void post(Request request) = 0;
  /// Answered by Session::authenticated, at once or later.
  virtual void authenticate(Login login) = 0;
  /// For the log. Its peer is the host's to say.
  virtual void report(ConnectionEvent event) = 0;
};

class Session {
 public:
  /// `id` names the connection in commands.
  Session(SessionLimits limits, ConnectionId id, Random random, SessionHost& host, Monotonic now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The client showed a certificate of this user, which was verified: EXTERNAL is offered. Before anything is received.
  void certified(std::string user) { certified_user_ = std::move(user); }

  /// Takes bytes from the front of `in` and returns how many; the rest is to be there again the next time, with more behind
  /// it. `owner` keeps `in` as long as messages that are posted point into it.
  std::size_t receive(std::string_view in, const std::shared_ptr<const void>& owner);
  /// How many bytes receive() may leave when it waits for more.
  std::size_t max_rest() const;
  /// Input would not be looked at before authenticated().
  bool authenticating() const { return state_ == State::kAuthenticating; }
  /// nullptr: refused.
  void authenticated(std::shared_ptr<const UserPermissions> permissions);

  /// While resources are low, who publishes is held up, and told if it wants to know (connection.blocked).
  void set_alarm(LowResources low);
  /// It is held up: no input is to be given. Not one that closes, so that it can say close-ok.
  bool blocked() const { return blocked_ && state_ == State::kRunning; }

  // What the engine says, through its port.
  void reply(std::uint64_t request, Result<ClientReply> reply);
  void deliver(const Delivery& delivery);
  void consumer_cancelled(ConsumerId consumer);
  /// The end of a turn: says what was gathered.
  void flush();

  /// Bytes for the client; whoever writes them takes them out, and calls written() when all of them have left.
  std::string& output() { return output_; }
  const std::string& output() const { return output_; }
  void written();
  /// Nothing more will be said or heard: when the output has left, the connection ends from this side, and soon after from
  /// the other (kLinger).
  bool finished() const { return state_ == State::kFinished; }

  /// Heartbeats and deadlines; to be called about twice a second. `received` and `sent`: whether bytes came and went since the
  /// last call. False: the client is gone, or was too slow.
  bool tick(Monotonic now, bool received, bool sent);
  /// The server stops.
  void shut_down(std::string_view reason);

  const std::string& user() const { return user_; }
  const std::string& vhost() const { return vhost_; }

 private:
  friend class Channel;

  enum class State : std::uint8_t {
    kHeader,
    kStart,
    kAuthenticating,
    kTune,
    kOpen,
    kRunning,
    kClosing,  ///< close was sent
    kFinished,
  };
  struct Publishing {
    Channel* channel = nullptr;
    std::uint64_t first_number = 0;
    Publish command;
    std::vector<bool> mandatory;
    std::deque<OwnedMessage> owned;
  };
  /// Channels and consumers of a connection are numbered below this.
  static constexpr int kNameBits = 28;
  struct Consuming {
    std::uint16_t channel = 0;
    std::string tag;
  };

  // Handshake and the connection class: session_connection.cc
  std::string_view mechanisms() const;
  std::optional<Login> login(std::string_view response) const;
  bool receive_header(std::string_view& in);
  Result<void, ProtocolError> on(const ConnectionStartOk& method);
  Result<void, ProtocolError> on(const ConnectionSecureOk& method);
  Result<void, ProtocolError> on(const ConnectionTuneOk& method);
  Result<void, ProtocolError> on(const ConnectionOpen& method);
  Result<void, ProtocolError> on(const ConnectionClose& method);
  Result<void, ProtocolError> on(const ConnectionCloseOk& method);
  Result<void, ProtocolError> on(const ConnectionUpdateSecret& method);
  template <class M>
  Result<void, ProtocolError> on(const M&);

  Result<void, ProtocolError> frame(const Frame& frame, std::size_t begin);
  Result<void, ProtocolError> channel_frame(const Frame& frame, std::size_t begin);
  /// Its channel waits for content.
  bool within_content(const Frame& frame) const;
  ProtocolError unexpected_method() const;
  std::size_t keep_incomplete(std::size_t consumed, std::size_t available);

  void block_or_unblock();
  void close(ReplyCode code, std::string_view explanation, MethodId method);
  void report(ConnectionEvent::Kind kind, std::string_view text = {}, std::uint16_t reply_code = 0,
              std::uint16_t channel = 0) {
    host_.report({kind, {}, user_, vhost_, channel, reply_code, text});
  }

  // For channels.
  void fail(ReplyCode code, std::string_view text, MethodId method = {});
  void post(std::uint64_t request, ClientCommand command, const std::shared_ptr<CommandScope>& scope);
  /// A message comes, whatever becomes of it.
  void message_received();
  void publish(Channel& channel, const MessageView& message, bool mandatory);
  void publish(Channel& channel, OwnedMessage message, bool mandatory);
  void start_publishing(Channel& channel);
  void flush_publishing();
  std::string random_name(std::string_view prefix);
  /// Of kNameBits, for channels and consumers, which are never used again.
  bool names_left() const { return next_name_ >> kNameBits == 0; }
  bool permits(Right right, std::string_view name) const { return permissions_->permits(right, name); }
  template <class M>
  void say(std::uint16_t channel, const M& method);

  const SessionLimits limits_;
  const ConnectionId id_;
  Random random_;
  SessionHost& host_;
  State state_ = State::kHeader;
  std::uint32_t frame_max_ = kMaxFrameBeforeAuthentication;
  std::uint16_t channel_max_ = 0;
  Monotonic heartbeat_{};
  bool client_hears_cancel_ = false;
  bool client_hears_blocked_ = false;
  bool closes_on_failed_authentication_ = false;
  std::optional<std::string> certified_user_;
  std::string user_;
  std::string mechanism_;
  std::string vhost_;
  std::shared_ptr<const UserPermissions> user_permissions_;
  std::shared_ptr<const Permissions> permissions_;

  std::string_view input_;
  std::shared_ptr<const void> owner_;
  Channel* in_place_ = nullptr;  // its content points into input_, from in_place_begin_ on
  std::size_t in_place_begin_ = 0;
  std::string output_;
  Monotonic started_;
  Monotonic last_received_;
  Monotonic last_sent_;
  std::optional<Monotonic> ending_;  // since when it was seen to be
  std::optional<Monotonic> said_;    // since when all was seen to be said
  LowResources low_;
  bool publishes_ = false;
  bool blocked_ = false;
  std::int64_t charged_ = 0;  // bytes delivered since consumers were last granted some

  std::unordered_map<ConsumerId, Consuming> consumers_;  // before the channels, which forget theirs when they go
  std::unordered_map<std::uint16_t, std::unique_ptr<Channel>> channels_;
  Channel* last_channel_ = nullptr;
  std::uint64_t next_name_ = 1;  // of channels and consumers
  Publishing publishing_;
  std::size_t expected_messages_ = 0;  // of the next Publish: as many as the last one had
  std::vector<Channel*> to_flush_;
};

template <class M>
void Session::say(std::uint16_t channel, const M& method) {
  encode_method(channel, method, output_);
}

}  // namespace escrow::broker::amqp
