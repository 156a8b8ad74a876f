#include "broker/core/fragment.h"

#include "base/bytes.h"
#include "base/invariant.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCountAt = 9;
constexpr std::size_t kTimeAt = 13;
constexpr std::size_t kSizeAt = 21;
constexpr std::size_t kHeaderSize = 25;
/// A sealed fragment keeps at most so many times the memory that it needs.
constexpr std::size_t kMaxSlack = 2;
constexpr std::size_t kFlagsAt = 4;  // in a record
constexpr auto kBodyApart = static_cast<std::uint8_t>(RecordFlag::kBodyApart);
constexpr auto kExpires = static_cast<std::uint8_t>(RecordFlag::kExpires);
constexpr auto kRetried = static_cast<std::uint8_t>(RecordFlag::kRetried);
constexpr auto kCancelled = static_cast<std::uint8_t>(RecordFlag::kCancelled);
constexpr std::uint8_t kKnownFlags = kBodyApart | kExpires | kRetried | kCancelled;

Error damaged() {
  return {ErrorCode::kDataLoss, "PAGE_DAMAGED", "a stored page cannot be read: restore the data directory", {}};
}

struct Header {
  Seq first;
  std::uint32_t count;
  Timestamp time;
  std::uint32_t size;
};

Result<Header> decode_header(ByteReader& in) {
  const std::uint8_t version = in.u8();
  Header header{};
  header.first = in.u64();
  header.count = in.u32();
  header.time = from_micros(in.i64());
  header.size = in.u32();
  if (!in.ok() || version != kVersion || header.size > in.rest().size()) return damaged();
  return header;
}

std::size_t varint_size(std::size_t v) {
  std::size_t size = 1;
  for (; v >= 0x80; v >>= 7) ++size;
  return size;
}

std::size_t string_size(std::string_view v) { return varint_size(v.size()) + v.size(); }

/// Writes where room was made for it.
class RecordWriter {
 public:
  explicit RecordWriter(char* at) : at_(at) {}

  template <class T>
  void raw(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void bytes(std::string_view v) {
    at_ = std::copy(v.begin(), v.end(), at_);  // v may be null, which memcpy must not see
  }
  void string(std::string_view v) {
    std::size_t size = v.size();
    for (; size >= 0x80; size >>= 7) raw(static_cast<std::uint8_t>(size | 0x80));
    raw(static_cast<std::uint8_t>(size));
    bytes(v);
  }

 private:
  char* at_;
};

template <class T>
void overwrite(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

void encode_record(const Record& record, std::string& out) {
  const auto& [expires_at, retried, cancelled, message] = record;
  // Once per message: the size is computed first, and nothing is checked while it is written.
  const std::size_t size = 1 + (expires_at ? sizeof(std::int64_t) : 0) + string_size(message.exchange) +
                           string_size(message.routing_key) + string_size(message.properties) +
                           (message.apart ? sizeof message.apart.id + sizeof message.apart.size : message.body.size());
  const std::size_t at = out.size();
  out.resize(at + sizeof(std::uint32_t) + size);
  RecordWriter writer(out.data() + at);
  writer.raw(static_cast<std::uint32_t>(size));
  writer.raw(static_cast<std::uint8_t>((message.apart ? kBodyApart : 0) | (expires_at ? kExpires : 0) |
                                       (retried ? kRetried : 0) | (cancelled ? kCancelled : 0)));
  if (expires_at) writer.raw(to_micros(*expires_at));
  writer.string(message.exchange);
  writer.string(message.routing_key);
  writer.string(message.properties);
  if (message.apart) {
    writer.raw(message.apart.id);
    writer.raw(message.apart.size);
  } else {
    writer.bytes(message.body);
  }
}

Fragment::Fragment(Seq first, Timestamp time, BatchNumber batch, Expected expected)
    : first_(first), time_(time), batch_(batch) {
  bytes_.reserve(kHeaderSize + expected.bytes);
  offsets_.reserve(expected.messages);
  ByteWriter(bytes_).u8(kVersion).u64(first).u32(0).i64(to_micros(time)).u32(0);
}

void Fragment::append(std::string_view record, Timestamp time) {
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  flags_ |= static_cast<std::uint8_t>(record[kFlagsAt]);
  time_ = time;
  bytes_.append(record);
}

void Fragment::seal() {
  overwrite(bytes_, kTimeAt, to_micros(time_));
  overwrite(bytes_, kCountAt, count());
  overwrite(bytes_, kSizeAt, static_cast<std::uint32_t>(bytes_.size() - kHeaderSize));
  if (bytes_.capacity() / kMaxSlack > bytes_.size()) bytes_.shrink_to_fit();
  if (offsets_.capacity() / kMaxSlack > offsets_.size()) offsets_.shrink_to_fit();
}

std::string_view Fragment::encoded_record(std::uint32_t index) const {
  ByteReader reader(std::string_view(bytes_).substr(offsets_[index]));
  return std::string_view(bytes_).substr(offsets_[index], 4 + reader.u32());
}

std::uint32_t Fragment::body_bytes(std::uint32_t index) const {
  if (flags_ != 0) return record(index).message.body_bytes();
  ByteReader reader(encoded_record(index).substr(kFlagsAt + 1));
  for (int strings = 0; strings < 3; ++strings) reader.string();
  return static_cast<std::uint32_t>(reader.rest().size());
}

Record Fragment::record(std::uint32_t index) const {
  ByteReader reader(encoded_record(index).substr(4));
  const std::uint8_t flags = reader.u8();
  Record record;
  record.retried = (flags & kRetried) != 0;
  record.cancelled = (flags & kCancelled) != 0;
  if ((flags & kExpires) != 0) record.expires_at = from_micros(reader.i64());
  record.message.exchange = reader.string();
  record.message.routing_key = reader.string();
  record.message.properties = reader.string();
  if ((flags & kBodyApart) != 0) {
    record.message.apart.id = reader.u64();
    record.message.apart.size = reader.u32();
  } else {
    record.message.body = reader.rest();
  }
  ESCROW_INVARIANT(reader.ok(), "records are checked when a page is read");
  return record;
}

Result<std::shared_ptr<const Fragment>> Fragment::decode(std::string_view& in) {
  ByteReader reader(in);
  const Result<Header> header = decode_header(reader);
  if (!header) return header.error();
  std::shared_ptr<Fragment> fragment(new Fragment);
  fragment->first_ = header->first;
  fragment->time_ = header->time;
  fragment->bytes_.assign(in.substr(0, kHeaderSize + header->size));
  fragment->offsets_.reserve(std::min<std::size_t>(header->count, header->size));
  ByteReader records(std::string_view(fragment->bytes_).substr(kHeaderSize));
  while (!records.rest().empty()) {
    fragment->offsets_.push_back(static_cast<std::uint32_t>(fragment->bytes_.size() - records.rest().size()));
    ByteReader record(records.bytes(records.u32()));
    const std::uint8_t flags = record.u8();
    fragment->flags_ |= flags;
    if ((flags & kExpires) != 0) record.i64();
    record.string();
    record.string();
    record.string();
    if ((flags & kBodyApart) != 0) record.bytes(12);
    const bool whole = (flags & kBodyApart) == 0 || record.rest().empty();
    const bool known = (flags & ~kKnownFlags) == 0;
    if (!records.ok() || !record.ok() || !whole || !known) return damaged();
  }
  if (fragment->count() != header->count) return damaged();
  in.remove_prefix(fragment->bytes_.size());
  return std::shared_ptr<const Fragment>(std::move(fragment));
}

}  // namespace escrow::broker
