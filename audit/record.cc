#include "audit/record.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace escrow::audit {
namespace {

constexpr std::uint8_t kVersion = 1;

Error broken(std::uint64_t sequence, const char* how) {
  return {ErrorCode::kDataLoss,
          "AUDIT_CHAIN_BROKEN",
          "audit record " + std::to_string(sequence) + " " + how,
          {{"sequence", std::to_string(sequence)}}};
}

}  // namespace

void append(Record record, Tip& tip, std::string& out) {
  const std::size_t at = out.size();
  ByteWriter writer(out);
  writer.u32(0)
      .u8(kVersion)
      .u64(tip.sequence + 1)
      .i64(to_micros(record.time))
      .u8(static_cast<std::uint8_t>(record.subject))
      .u8(record.before)
      .u8(record.after)
      .string(record.actor)
      .string(record.reason)
      .string(record.key1)
      .string(record.key2)
      .u64(record.epoch);
  const auto size = static_cast<std::uint32_t>(out.size() - at - 4 + sizeof(Digest));
  std::memcpy(out.data() + at, &size, sizeof size);
  tip.hash = sha256({as_bytes(tip.hash), std::string_view(out).substr(at)});
  ++tip.sequence;
  writer.bytes(as_bytes(tip.hash));
}

Result<Record> decode(std::string_view& in) {
  ByteReader framed(in);
  ByteReader reader(framed.bytes(framed.u32()));
  const bool known = reader.u8() == kVersion;
  Record record;
  record.sequence = reader.u64();
  record.time = from_micros(reader.i64());
  record.subject = static_cast<Subject>(reader.u8());
  record.before = reader.u8();
  record.after = reader.u8();
  record.actor = reader.string();
  record.reason = reader.string();
  record.key1 = reader.string();
  record.key2 = reader.string();
  record.epoch = reader.u64();
  const std::string_view hash = reader.bytes(sizeof(Digest));
  if (!framed.ok() || !known || !reader.done()) return broken(record.sequence, "cannot be read");
  std::ranges::copy(hash, record.hash.begin());
  in = framed.rest();
  return record;
}

Result<Record> verify(std::string_view& in, Tip& tip) {
  const std::string_view start = in;
  Result<Record> record = decode(in);
  if (!record) return broken(tip.sequence + 1, "cannot be read");
  if (record->sequence != tip.sequence + 1) return broken(tip.sequence + 1, "is missing");
  const std::string_view content = start.substr(0, start.size() - in.size() - sizeof(Digest));
  if (sha256({as_bytes(tip.hash), content}) != record->hash) return broken(record->sequence, "was changed");
  tip = {record->sequence, record->hash};
  return record;
}

}  // namespace escrow::audit
