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
constexpr std::size_t kFlagsAt = 4;  // in a record
constexpr auto kBodyApart = static_cast<std::uint8_t>(RecordFlag::kBodyApart);
constexpr auto kExpires = static_cast<std::uint8_t>(RecordFlag::kExpires);

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

template <class T>
void overwrite(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

void encode_record(const MessageView& message, std::optional<Timestamp> expires_at, std::string& out) {
  const std::size_t at = out.size();
  ByteWriter writer(out);
  writer.u32(0).u8(static_cast<std::uint8_t>((message.apart ? kBodyApart : 0) | (expires_at ? kExpires : 0)));
  if (expires_at) writer.i64(to_micros(*expires_at));
  writer.string(message.exchange).string(message.routing_key).string(message.properties);
  if (message.apart) {
    writer.u64(message.apart.id).u32(message.apart.size);
  } else {
    writer.bytes(message.body);
  }
  overwrite(out, at, static_cast<std::uint32_t>(out.size() - at - 4));
}

Fragment::Fragment(Seq first, Timestamp time, BatchNumber batch) : first_(first), time_(time), batch_(batch) {
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
}

std::string_view Fragment::encoded_record(std::uint32_t index) const {
  ByteReader reader(std::string_view(bytes_).substr(offsets_[index]));
  return std::string_view(bytes_).substr(offsets_[index], 4 + reader.u32());
}

Record Fragment::record(std::uint32_t index) const {
  ByteReader reader(encoded_record(index).substr(4));
  const std::uint8_t flags = reader.u8();
  Record record;
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
    const bool known = (flags & ~(kBodyApart | kExpires)) == 0;
    if (!records.ok() || !record.ok() || !whole || !known) return damaged();
  }
  if (fragment->count() != header->count) return damaged();
  in.remove_prefix(fragment->bytes_.size());
  return std::shared_ptr<const Fragment>(std::move(fragment));
}

}  // namespace escrow::broker
