// A Fragment is what one batch adds to one page of a queue's log: consecutive messages, encoded once, then stored,
// kept in memory and delivered from the same bytes.
//
//   fragment  u8 version = 1 │ u64 first sequence │ u32 count │ i64 time µs │ u32 size of records │ record*
//   record    u32 size of the rest │ u8 flags │ with flag kExpires: i64 deadline µs
//             │ string exchange │ string routing key │ string properties
//             │ body to the end, or with flag kBodyApart: u64 body id │ u32 body size
//             the other flags are of messages that waited: kRetried, and kCancelled, of which nothing is left
//
// The time is the engine time at which the last of its messages came. A page on disk is one fragment after the other (the
// store appends them); sequences ascend.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/message.h"

namespace escrow::broker {

/// Position of a message in its queue. Starts at 1, never reused.
using Seq = std::uint64_t;
/// Number of a batch; what it wrote is durable when the batch is.
using BatchNumber = std::uint64_t;

/// In which batch, at what time something happens.
struct Moment {
  Timestamp now;
  BatchNumber batch = 0;
};

/// Bits of a record's flags. Frozen.
enum class RecordFlag : std::uint8_t {
  kBodyApart = 1,
  kExpires = 2,
  kRetried = 4,
  kCancelled = 8,
};

struct Record {
  /// When it has to leave by its own expiration; its queue may set an earlier time.
  std::optional<Timestamp> expires_at = {};
  /// By the retry policy of its queue, in which it was before.
  bool retried = false;
  /// While it was kept back: there is no message any more.
  bool cancelled = false;
  /// Without vhost: the queue knows it.
  MessageView message = {};
};

/// Appends it.
void encode_record(const Record& record, std::string& out);

/// Grows while its batch is being built (one thread), immutable from the moment the batch is sealed (any thread).
class Fragment : public std::enable_shared_from_this<Fragment> {
 public:
  /// Makes room for `expected` messages and bytes at once.
  struct Expected {
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };
  Fragment(Seq first, Timestamp time, BatchNumber batch, Expected expected = {0, 0});

  /// Copies `record` (see encode_record), which comes at `time`.
  void append(std::string_view record, Timestamp time);
  /// Writes the header and gives back room that was made in vain. The last call before the batch leaves.
  void seal();

  Seq first() const { return first_; }
  Seq end() const { return first_ + offsets_.size(); }
  Timestamp time() const { return time_; }
  /// The batch that writes it; 0 for one that was read back.
  BatchNumber batch() const { return batch_; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(offsets_.size()); }
  const std::string& bytes() const { return bytes_; }
  /// Memory it keeps.
  std::size_t footprint() const {
    return sizeof(Fragment) + bytes_.capacity() + offsets_.capacity() * sizeof(std::uint32_t);
  }
  /// Some of its messages have their body apart.
  bool has_bodies_apart() const { return (flags_ & static_cast<std::uint8_t>(RecordFlag::kBodyApart)) != 0; }
  /// Some of its messages have an expiration of their own.
  bool has_expirations() const { return (flags_ & static_cast<std::uint8_t>(RecordFlag::kExpires)) != 0; }
  /// Some of its messages are retried.
  bool has_retries() const { return (flags_ & static_cast<std::uint8_t>(RecordFlag::kRetried)) != 0; }
  /// `index` < count(). Points into this fragment; a body apart is not fetched.
  Record record(std::uint32_t index) const;
  std::string_view encoded_record(std::uint32_t index) const;
  /// As of record(index).message, without a look at the rest.
  std::uint32_t body_bytes(std::uint32_t index) const;
  /// As of record(index).
  std::optional<Timestamp> expires_at(std::uint32_t index) const {
    if (!has_expirations()) return std::nullopt;
    return record(index).expires_at;
  }
  bool retried(std::uint32_t index) const { return has_retries() && record(index).retried; }
  /// Its size.
  std::size_t record_bytes(std::uint32_t index) const {
    return (index + 1 < offsets_.size() ? offsets_[index + 1] : bytes_.size()) - offsets_[index];
  }

  /// Reads the next fragment of a stored page and advances `in`. kDataLoss when it is damaged.
  static Result<std::shared_ptr<const Fragment>> decode(std::string_view& in);

 private:
  Fragment() = default;

  Seq first_ = 0;
  Timestamp time_;
  BatchNumber batch_ = 0;
  std::uint8_t flags_ = 0;  // of all its records
  std::string bytes_;
  std::vector<std::uint32_t> offsets_;  // of each record's size field in bytes_
};

}  // namespace escrow::broker
