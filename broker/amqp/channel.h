// A channel of a session: its methods become commands, replies become methods again, in the order in which they were asked.
//
// Methods that the session can answer by itself wait for those before them; an error of the engine ends the channel, and what
// the client sent behind it is not applied (CommandScope).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "broker/amqp/access.h"
#include "broker/amqp/content.h"
#include "broker/amqp/method_codec.h"
#include "broker/core/command.h"

namespace escrow::broker::amqp {

class Session;

/// The queue of direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to), and what its names begin with.
inline constexpr std::string_view kReplyTo = "amq.rabbitmq.reply-to";

/// A message that outlives the bytes it came in.
struct OwnedMessage {
  std::string exchange;
  std::string routing_key;
  std::string properties;
  std::string body;
};

class Channel {
 public:
  Channel(Session& session, std::uint16_t number, ChannelId id, std::uint16_t incarnation);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  std::uint16_t number() const { return number_; }
  std::uint16_t incarnation() const { return incarnation_; }
  /// Closed by both sides: its number is free.
  bool closed() const { return state_ == State::kClosed; }
  /// Its consumers are told what they get.
  bool delivers() const { return ready(); }

  // Frames.
  Result<void, ProtocolError> method(std::string_view payload);
  Result<void, ProtocolError> header(std::string_view payload);
  Result<void, ProtocolError> body(std::string_view payload);
  /// The content that is not complete yet points into the session's input: it is copied.
  void own_content();
  /// … or forgotten, to be read again.
  void drop_content() { content_ = {}; }
  bool has_content() const { return content_.stage != Content::Stage::kNone; }

  // What the engine says.
  void reply(std::uint64_t request, Result<ClientReply> reply);
  void consumer_cancelled(ConsumerId consumer, const std::string& tag, bool tell);
  /// Where what a consumer gets is said: behind its consume-ok.
  std::string& output_of(const std::string& tag);
  /// The client was sent a message with this tag.
  void delivered(DeliveryTag tag) { last_tag_ = tag; }
  /// Says the confirms that were gathered.
  void flush();

  /// The session posts `messages` for it in one request.
  void publish_posted(std::uint64_t request, std::uint64_t first_number, std::size_t messages,
                      std::vector<bool> mandatory);
  std::uint64_t next_request() { return next_request(Settles::kAck); }
  const std::shared_ptr<CommandScope>& scope() const { return scope_; }
  std::uint64_t published() const { return published_; }

 private:
  enum class State : std::uint8_t { kOpen, kClosing, kClosed };
  enum class Mode : std::uint8_t { kPlain, kConfirm, kTransaction };
  /// Methods that are not answered unless they fail. Nobody keeps what they asked, so their requests say it: the lowest bits.
  enum class Settles : std::uint8_t { kAck, kReject, kNack };
  static constexpr int kSettlesBits = 2;

  /// What is to be said when it is its turn.
  struct Pending {
    std::uint64_t request = 0;  ///< 0: the end of the channel, which an error before it does not take back
    MethodId method;            ///< that was asked
    bool silent = false;        ///< no-wait
    std::string name;           ///< of the queue or consumer it is about
    ConsumerId cancels = 0;
    bool answered = false;
    std::string bytes;  ///< the answer
    // Of a publish.
    std::uint64_t first_number = 0;
    std::size_t messages = 0;
    std::vector<bool> mandatory;
    std::optional<Published> published;  ///< the answer, to be said in its turn
    /// The connection ends with it.
    std::optional<std::pair<ReplyCode, std::string>> hard;
  };
  struct Content {
    enum class Stage : std::uint8_t { kNone, kHeader, kBody } stage = Stage::kNone;
    bool mandatory = false;
    /// Why it is refused, unless there is no such exchange.
    std::optional<Error> refusal;
    bool owns = false;  ///< `owned` holds it, otherwise the views point into the session's input
    std::string_view exchange;
    std::string_view routing_key;
    std::string_view properties;
    std::uint64_t body_size = 0;
    OwnedMessage owned;
  };
  struct Consumer {
    ConsumerId id = 0;
    bool replies = false;  ///< of direct reply-to
  };
  using Consumers = std::unordered_map<std::string, Consumer>;
  struct Transaction {
    std::deque<OwnedMessage> messages;
    std::vector<bool> mandatory;
    std::vector<SettleTag> settles;
    std::unordered_set<DeliveryTag> settled_tags;
    DeliveryTag settled_up_to = 0;
    std::size_t bytes = 0;

    bool settled(DeliveryTag tag) const { return tag != 0 && (tag <= settled_up_to || settled_tags.contains(tag)); }
    void add(const SettleTag& settle) {
      settles.push_back(settle);
      if (settle.multiple) {
        settled_up_to = std::max(settled_up_to, settle.tag);
      } else {
        settled_tags.insert(settle.tag);
      }
    }
  };

  using Outcome = Result<void, ProtocolError>;

  // channel.cc
  Outcome on(const ChannelFlow& method);
  Outcome on(const ChannelClose& method);
  Outcome on(const AccessRequest& method);
  Outcome on(const BasicQos& method);
  Outcome on(BasicConsume& method);
  Outcome on(const BasicCancel& method);
  Outcome on(const BasicGet& method);
  Outcome on(const BasicAck& method);
  Outcome on(const BasicReject& method);
  Outcome on(const BasicNack& method);
  Outcome on(const BasicRecover& method);
  Outcome on(const BasicRecoverAsync& method);
  Outcome on(const ConfirmSelect& method);
  Outcome on(const TxSelect& method);
  Outcome on(const TxCommit& method);
  Outcome on(const TxRollback& method);
  Outcome on(const BasicPublish& method);
  template <class M>
  Outcome on(const M&);
  // channel_topology.cc
  Outcome on(ExchangeDeclare& method);
  Outcome on(const ExchangeDelete& method);
  Outcome on(ExchangeBind& method);
  Outcome on(ExchangeUnbind& method);
  Outcome on(QueueDeclare& method);
  Outcome on(QueueBind& method);
  Outcome on(QueueUnbind& method);
  Outcome on(const QueuePurge& method);
  Outcome on(const QueueDelete& method);
  /// nullopt: it failed, for want of a last declared one.
  std::optional<std::string> queue_or_last(std::string_view name, MethodId method);

  bool ready() const { return state_ == State::kOpen; }
  /// nullopt: the user may.
  std::optional<Error> refusal(Right right, std::string_view what, std::string_view name) const;
  /// False: it failed.
  bool permitted(Right right, std::string_view what, std::string_view name, MethodId method);
  void fail(ReplyCode code, std::string_view text, MethodId method);
  void fail(const Error& error, MethodId method);
  void close(ReplyCode code, std::string_view text, MethodId method);
  /// The channel has failed by itself, but something before that has failed, too: the client is told of that.
  void rename_error(Pending& own, const Error& error, MethodId method);
  void ask(ClientCommand command, MethodId method, bool silent, std::string name = {});
  void tell(ClientCommand command, Settles method = Settles::kAck);
  std::uint64_t next_request(Settles method) {
    return request_base_ | static_cast<std::uint32_t>(++requests_ << kSettlesBits | static_cast<std::uint32_t>(method));
  }
  static MethodId settling_method(std::uint64_t request);
  /// Says it when everything before it was answered.
  template <class M>
  void say(const M& method);
  void settle(SettleTag settle, Settles method);
  void forget_consumer(Consumers::iterator consumer);

  // channel_publish.cc
  std::optional<Error> refusal(const PropertiesView& properties) const;
  /// The channel fails if there is no such exchange, or else with the refusal.
  void check_publish(std::string exchange, std::optional<Error> refusal);
  Outcome content_complete(std::string_view body);
  void publish(OwnedMessage message, bool mandatory);
  bool may_write_to(std::string_view exchange);
  void published(const Pending& pending, const Published& published);
  void return_message(const MessageView& message);
  void confirm(std::uint64_t number, bool taken);
  void say_confirms();

  // channel_replies.cc
  void answer(Pending& pending, ClientReply reply);
  template <class M>
  void answer(Pending& pending, const M& method);
  void fetched(Pending& pending, const Fetched& fetched);
  void say_answered();
  /// Nothing is said behind it.
  static bool ends(const Pending& pending) { return pending.request == 0 || pending.method == amqp::ChannelClose::kId; }

  Session& session_;
  const std::uint16_t number_;
  const ChannelId id_;
  const std::uint16_t incarnation_;
  const std::uint64_t request_base_;
  std::uint32_t requests_ = 0;
  State state_ = State::kOpen;
  Mode mode_ = Mode::kPlain;
  std::shared_ptr<CommandScope> scope_ = std::make_shared<CommandScope>();
  std::deque<Pending> pending_;
  std::string last_queue_;
  std::string reply_queue_;  // of direct reply-to
  std::uint16_t prefetch_ = 0;
  DeliveryTag last_tag_ = 0;  // that was said
  Consumers consumers_;
  std::size_t consumes_ = 0;  // that wait for their answer
  Content content_;
  std::string writable_;  // the exchange that was last found to be so
  bool any_writable_ = false;
  std::uint64_t published_ = 0;  // in confirm mode
  std::uint64_t confirmed_ = 0;  // said to be
  std::uint64_t to_confirm_ = 0;
  bool listed_flush_ = false;
  Transaction transaction_;
};

}  // namespace escrow::broker::amqp
