#include "coordinator/core/transaction.h"

#include <algorithm>

#include "base/bytes.h"

namespace escrow::coordinator {
namespace {

constexpr std::uint8_t kVersion = 1;
enum MessageFlag : std::uint8_t {
  kDelay = 1,
  kDue = 2,
  kSink = 4,
  kCompensation = 8,
  kBodyApart = 16,
  kScheduleKey = 32
};

Error damaged(const Key& key) {
  return {
      ErrorCode::kDataLoss,
      "TRANSACTION_DAMAGED",
      "the stored transaction '" + key.id + "' of group '" + key.group + "' cannot be read: restore the data directory",
      {}};
}

void encode(const Message& message, ByteWriter& out) {
  out.string(message.vhost)
      .string(message.exchange)
      .string(message.routing_key)
      .string(message.properties)
      .string(message.body);
}

Message decode_message(ByteReader& in) {
  Message message;
  message.vhost = in.string();
  message.exchange = in.string();
  message.routing_key = in.string();
  message.properties = in.string();
  message.body = in.string();
  return message;
}

void encode(const TransactionMessage& m, ByteWriter& out) {
  out.u8(static_cast<std::uint8_t>((m.delay ? kDelay : 0) | (m.due ? kDue : 0) | (m.sink.empty() ? 0 : kSink) |
                                   (m.compensation ? kCompensation : 0) | (m.message.apart ? kBodyApart : 0) |
                                   (m.schedule_key.empty() ? 0 : kScheduleKey)));
  encode(m.message, out);
  if (m.delay) out.varint(static_cast<std::uint64_t>(m.delay->count()));
  if (m.due) out.i64(to_micros(*m.due));
  if (!m.sink.empty()) out.string(m.sink);
  if (m.compensation) encode(*m.compensation, out);
  if (m.message.apart) out.u64(m.message.apart.id).u32(m.message.apart.size);
  if (!m.schedule_key.empty()) out.string(m.schedule_key);
}

TransactionMessage decode_transaction_message(ByteReader& in) {
  TransactionMessage m;
  const std::uint8_t flags = in.u8();
  m.message = decode_message(in);
  if ((flags & kDelay) != 0) m.delay = Duration(in.varint());
  if ((flags & kDue) != 0) m.due = from_micros(in.i64());
  if ((flags & kSink) != 0) m.sink = in.string();
  if ((flags & kCompensation) != 0) m.compensation = decode_message(in);
  if ((flags & kBodyApart) != 0) {
    m.message.apart.id = in.u64();
    m.message.apart.size = in.u32();
  }
  if ((flags & kScheduleKey) != 0) m.schedule_key = in.string();
  return m;
}

Digest decode_digest(ByteReader& in) {
  Digest digest{};
  const std::string_view bytes = in.bytes(digest.size());
  if (bytes.size() == digest.size()) std::ranges::copy(bytes, digest.begin());
  return digest;
}

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::kNone:
      return "NONE";
    case State::kPrepared:
      return "PREPARED";
    case State::kCommitted:
      return "COMMITTED";
    case State::kRolledBack:
      return "ROLLED_BACK";
    case State::kInDoubt:
      return "IN_DOUBT";
    case State::kScheduled:
      return "SCHEDULED";
    case State::kHeld:
      return "HELD";
  }
  return "UNKNOWN";
}

std::string Key::encode() const {
  std::string out;
  out.reserve(group.size() + id.size() + 4);
  ByteWriter(out).string(group).string(id);
  return out;
}

Result<Key> Key::decode(std::string_view in) {
  ByteReader reader(in);
  Key key;
  key.group = reader.string();
  key.id = reader.string();
  if (!reader.done()) return damaged(key);
  return key;
}

std::size_t Transaction::footprint() const {
  std::size_t bytes =
      sizeof(Transaction) + key.group.size() + key.id.size() + prepared_by.size() + decided_by.size() + reason.size();
  for (const TransactionMessage& m : messages)
    bytes += sizeof(TransactionMessage) + m.message.bytes() + m.schedule_key.size();
  return bytes;
}

std::string encode_open(const Transaction& t) {
  std::string out;
  ByteWriter writer(out);
  // Doubt is told by the check.
  const State state = t.state == State::kInDoubt ? State::kPrepared : t.state;
  writer.u8(kVersion)
      .u8(static_cast<std::uint8_t>(state))
      .u64(t.epoch)
      .bytes(as_bytes(t.content))
      .i64(to_micros(t.prepared_at))
      .string(t.prepared_by)
      .i64(to_micros(t.check.next_due))
      .varint(t.messages.size());
  for (const TransactionMessage& m : t.messages) encode(m, writer);
  return out;
}

std::string encode_check(const Transaction& t) {
  std::string out;
  ByteWriter(out)
      .u8(kVersion)
      .u8(t.state == State::kInDoubt ? 1 : 0)
      .varint(t.check.attempts)
      .i64(to_micros(t.check.next_due));
  return out;
}

std::string encode_decided(const Transaction& t) {
  std::string out;
  ByteWriter(out)
      .u8(kVersion)
      .u8(static_cast<std::uint8_t>(t.state))
      .u64(t.epoch)
      .bytes(as_bytes(t.content))
      .i64(to_micros(t.prepared_at))
      .string(t.prepared_by)
      .varint(t.message_count)
      .varint(t.check.attempts)
      .i64(to_micros(t.decided_at))
      .string(t.decided_by)
      .string(t.reason);
  return out;
}

Result<Transaction> decode_open(const Key& key, std::string_view open, std::optional<std::string_view> check) {
  ByteReader in(open);
  Transaction t;
  t.key = key;
  const bool known = in.u8() == kVersion;
  t.state = static_cast<State>(in.u8());
  const bool sane = t.state == State::kPrepared || t.state == State::kScheduled || t.state == State::kHeld;
  t.epoch = in.u64();
  t.content = decode_digest(in);
  t.prepared_at = from_micros(in.i64());
  t.prepared_by = in.string();
  t.check.next_due = from_micros(in.i64());
  t.message_count = static_cast<std::uint32_t>(in.varint());
  for (std::uint32_t i = 0; i < t.message_count && in.ok(); ++i) t.messages.push_back(decode_transaction_message(in));
  if (!known || !sane || !in.done()) return damaged(key);
  if (!check) return t;
  ByteReader state(*check);
  const bool check_known = state.u8() == kVersion;
  if (state.u8() != 0) t.state = State::kInDoubt;
  t.check.attempts = static_cast<std::uint32_t>(state.varint());
  t.check.next_due = from_micros(state.i64());
  if (!check_known || !state.done()) return damaged(key);
  return t;
}

Result<Transaction> decode_decided(const Key& key, std::string_view decided) {
  ByteReader in(decided);
  Transaction t;
  t.key = key;
  const bool known = in.u8() == kVersion;
  t.state = static_cast<State>(in.u8());
  t.epoch = in.u64();
  t.content = decode_digest(in);
  t.prepared_at = from_micros(in.i64());
  t.prepared_by = in.string();
  t.message_count = static_cast<std::uint32_t>(in.varint());
  t.check.attempts = static_cast<std::uint32_t>(in.varint());
  t.decided_at = from_micros(in.i64());
  t.decided_by = in.string();
  t.reason = in.string();
  const bool sane = t.state == State::kCommitted || t.state == State::kRolledBack;
  if (!known || !sane || !in.done()) return damaged(key);
  return t;
}

Digest content_digest(const std::vector<TransactionMessage>& messages) {
  std::string content;
  ByteWriter writer(content);
  for (const TransactionMessage& m : messages) encode(m, writer);
  return blake2b(content);
}

}  // namespace escrow::coordinator
