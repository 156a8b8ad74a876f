// A queue's messages as a log of pages (ARCHITECTURE.md, "The way of one message"): what is stored, what is in memory, what is
// gone, and what was returned. Knows nothing of consumers.
//
// A batch appends fragments to the page at the tail until it has kPageBytes; then the next page begins. A page leaves the
// store when all of it is gone. Pages leave memory by the bound of PageCache and come back through `load`.
//
// A page that begins with a transient message is stored only when it has to leave memory; a persistent one then begins the
// next page. Transient messages that come behind a persistent one are stored with it, so that no page stays small for them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/core/fragment.h"
#include "broker/core/page_cache.h"
#include "broker/core/page_state.h"

namespace escrow::broker {

/// Never reused, so that a deleted log's leftovers cannot be mistaken for another's.
using LogId = std::uint64_t;

/// Stored with the log: u8 version = 1 │ varint head │ varint next │ varint delivered mark
struct LogState {
  /// No page begins before it: where a scan may start.
  Seq head = 1;
  /// Sequences below it have been given, and are not given again: timers may still name them.
  Seq next = 1;
  /// Messages below it may have been delivered. Moves in blocks, before the first delivery of a block.
  Seq delivered_mark = 1;

  void encode(std::string& out) const;
  static Result<LogState> decode(std::string_view in);
};

/// A message whose body is apart. Small: the memory of a large message that waits is this.
struct BodyOfMessage {
  std::uint32_t offset = 0;  ///< from the first sequence of the page
  std::uint32_t size = 0;
  std::uint64_t id = 0;

  BodyRef body() const { return {id, size}; }
};

/// Stored for pages that have left memory: u8 version = 1 │ varint end │ varint bytes
///   │ varint bodies │ { varint offset of the message │ u64 body id │ u32 body size }*
struct PageExtent {
  Seq first = 0;
  Seq end = 0;
  std::uint64_t bytes = 0;
  std::vector<BodyOfMessage> bodies;  ///< in order; of messages that are gone, too

  void encode(std::string& out) const;
  static Result<PageExtent> decode(Seq first, std::string_view in);
  /// Of a stored page, by reading it.
  static Result<PageExtent> of(Seq first, std::string_view page);
};

class QueueLog {
 public:
  static constexpr std::size_t kPageBytes = 64 << 10;
  /// Sequences that one move of the delivered mark covers.
  static constexpr Seq kMarkBlock = 1024;
  /// A page is rewritten when less than one in this many of its messages is left.
  static constexpr std::uint32_t kRewriteFraction = 8;

  /// Not `stored`: it lives in memory, and what has to leave that is stored only to be read back; a restart forgets it.
  QueueLog(LogId id, PageCache& cache, bool stored = true) : id_(id), cache_(cache), stored_(stored) {}
  ~QueueLog();
  QueueLog(const QueueLog&) = delete;
  QueueLog& operator=(const QueueLog&) = delete;

  LogId id() const { return id_; }
  bool stored() const { return stored_; }
  /// Of one that is not stored: some of it was.
  bool spilled() const { return spilled_; }
  /// Once, when that begins.
  bool take_first_spill() { return spilled_ && !std::exchange(told_spilled_, true); }
  Seq next_seq() const { return next_seq_; }
  /// Messages that are not gone.
  std::uint64_t live() const { return live_; }
  /// Of their bodies. Exact for what is in memory since it came; what a restart found, or a purge cut off within a page, is
  /// estimated from its page, so the error is never more than what the pages at hand hold.
  std::uint64_t body_bytes() const { return body_bytes_; }

  /// Adds a record (encode_record) in the batch that is being built. `body`: the record's body, if it is apart, which a
  /// transient one's is not.
  Seq append(std::string_view record, BodyRef body, std::uint32_t body_bytes, Timestamp now, BatchNumber batch,
             bool persistent = true);
  /// The message is stored by the batch that it came in: its page began with a persistent one.
  bool persists(Seq seq) const;

  /// Where a live message's bytes are. kNotLoaded: `page` must be loaded first.
  enum class Presence : std::uint8_t { kInMemory, kNotLoaded };
  struct Location {
    Presence presence = Presence::kInMemory;
    const Fragment* fragment = nullptr;  ///< valid until the log changes, or shared_from_this()
    std::uint32_t index = 0;
    Seq page = 0;
  };
  Location locate(Seq seq);

  /// The first sequence of the page that follows.
  std::optional<Seq> page_after(Seq page) const;
  /// The first sequence at or after `from` that is not gone; next_seq() if there is none.
  Seq first_live(Seq from) const;

  /// True for messages from before a restart that may have been delivered then.
  bool maybe_delivered(Seq seq) const { return seq < recovered_mark_; }
  std::uint32_t delivery_count(Seq seq) const;
  void set_delivery_count(Seq seq, std::uint32_t count);

  /// Makes sure that the mark covers `seq` and tells which batch wrote it: that has to be durable before the delivery.
  BatchNumber mark_delivered(Seq seq, BatchNumber batch);

  /// The message is gone, whatever the reason. False: it was already. Without the size of its body, the page's average counts.
  bool remove(Seq seq, std::optional<std::uint32_t> body_bytes = {});
  /// Removes what is left in [from, until); goes on until `max_work` pages and large bodies were visited.
  struct Trimmed {
    std::uint64_t messages = 0;
    Seq position = 0;  ///< everything before it was looked at
    std::size_t work = 0;
  };
  Trimmed trim(Seq from, Seq until, std::size_t max_work);
  /// Of a log that goes as a whole, and whose pages go with it: drops them from the front, and releases their bodies;
  /// visits at most `max_work` pages and large bodies. True: there are more.
  bool dissolve(std::size_t max_work);

  // Pages in and out of memory.
  struct LoadRequest {
    LogId log = 0;
    Seq page = 0;
    BatchNumber after = 0;  ///< the read must see this batch
  };
  /// nullopt: the page is in memory, on its way, or gone.
  std::optional<LoadRequest> request_load(Seq page);
  /// The stored bytes of a requested page. kDataLoss when they are damaged.
  Result<void> load(Seq page, std::string_view stored);
  /// In the batch that is being built.
  void evict(Seq page, BatchNumber batch);

  /// Everything the batch must write, then forgets it. Sink:
  ///   start_page(log, page, shared fragment)    erase_page(log, page, bool indexed, bool has_state)
  ///   append_page(log, page, shared fragment)   put_extent(log, PageExtent)
  ///   put_page(log, page, bytes)
  ///   put_page_state(log, page, PageState)      put_log_state(log, LogState)
  template <class Sink>
  void take_changes(Sink& sink);
  /// Bodies of messages that are gone since the last call.
  std::vector<BodyRef> take_released() { return std::exchange(released_, {}); }
  bool changed() const {
    return !dirty_pages_.empty() || !erased_.empty() || !released_.empty() || (stored_ && state_dirty_);
  }

  // Recovery: state first, then pages in ascending order.
  void recover_state(const LogState& state);
  void recover_page(PageExtent extent, bool indexed, std::optional<PageState> state);
  /// Calls visit(BodyRef) for every message left whose body is apart.
  template <class Visitor>
  void for_each_body(Visitor&& visit) const;
  /// Everything after the last indexed page has to be found by reading from here.
  Seq recovered_end() const { return pages_.empty() ? head_hint_ : pages_.rbegin()->second.end; }

  /// Of what a restart finds: which messages are left, and how often they came back.
  std::uint64_t digest() const;

 private:
  struct Page {
    Seq end = 0;
    std::uint32_t live = 0;
    std::uint32_t bytes = 0;
    std::uint64_t body_bytes = 0;  // of what is live
    BatchNumber batch = 0;         // of the last append; a read has to come after it
    bool closed = false;
    bool persistent = false;  // stored as it comes; not known of what a restart found
    bool stored = false;      // a sealed batch wrote to it
    bool indexed = false;     // its extent is stored
    bool extent_due = false;  // … by this batch
    bool state_stored = false;
    bool dirty = false;  // listed in dirty_pages_
    bool state_dirty = false;
    bool rewrite = false;    // in this batch
    bool rewritten = false;  // once is enough
    bool in_memory = false;  // all of it
    bool loading = false;
    std::optional<PageCache::Place> place;
    std::unique_ptr<PageState> state;
    std::vector<BodyOfMessage> bodies;
    std::vector<std::shared_ptr<const Fragment>> fragments;
    std::vector<std::shared_ptr<const Fragment>> spilling;  // out of memory, to be stored by this batch
    std::shared_ptr<Fragment> building;  // of the batch that is being built; also the last of `fragments`
  };
  using Pages = std::map<Seq, Page>;
  struct Erased {
    Seq page;
    bool indexed;
    bool state_stored;
  };

  Pages::iterator page_of(Seq seq);
  Pages::const_iterator page_of(Seq seq) const { return const_cast<QueueLog*>(this)->page_of(seq); }
  Pages::iterator open_page(std::size_t record, BatchNumber batch, bool persistent);
  void touch(Pages::iterator page);
  void close(Pages::iterator page);
  void spill(Pages::iterator page, BatchNumber batch);
  void keep(Pages::iterator page, std::shared_ptr<const Fragment> fragment);
  void drop_fragments(Page& page);
  Pages::iterator erase(Pages::iterator page);
  void release_bodies(const Page& page);
  void rewrite(Seq first, Page& page, std::string& out);
  PageState& state_of(Pages::iterator page);
  void index(Pages::iterator page);

  std::shared_ptr<const Fragment> take_building(Page& page);
  Fragment::Expected expected_in(const Page& page, std::size_t record) const;
  static bool writes(const Page& page) { return page.persistent || page.stored || !page.spilling.empty(); }
  void move_mark(Seq mark, BatchNumber batch);
  void tell_next();
  void stored(Seq first, Page& page) {
    page.stored = true;
    last_stored_ = std::max(last_stored_, first);
  }
  template <class Sink>
  void take_page(Seq first, Page& page, Sink& sink);

  LogId id_;
  PageCache& cache_;
  const bool stored_;
  bool spilled_ = false;
  bool told_spilled_ = false;
  Pages pages_;
  Pages::iterator last_page_ = pages_.end();  // of the last look-up
  const Fragment* last_fragment_ = nullptr;   // of the last look-up; in memory as long as it is set
  Seq next_seq_ = 1;
  Seq head_hint_ = 1;
  Seq mark_ = 1;
  BatchNumber mark_batch_ = 0;
  Seq mark_before_ = 1;  // the mark before it moved in mark_batch_
  BatchNumber mark_before_batch_ = 0;
  Seq recovered_mark_ = 1;
  Seq last_stored_ = 0;  // the last page that was ever stored
  Seq next_told_ = 1;    // LogState::next
  std::uint64_t live_ = 0;
  std::uint64_t body_bytes_ = 0;
  // What the batch that is being built has, and what the one before it had that this log was in: so much is expected again.
  BatchNumber counted_batch_ = 0;
  Fragment::Expected this_batch_;
  Fragment::Expected last_batch_;
  bool state_dirty_ = false;
  std::vector<Seq> dirty_pages_;
  std::vector<Erased> erased_;
  std::vector<BodyRef> released_;
};

template <class Visitor>
void QueueLog::for_each_body(Visitor&& visit) const {
  for (const auto& [first, page] : pages_) {
    for (const BodyOfMessage& entry : page.bodies) {
      if (!page.state || !page.state->gone(entry.offset)) visit(entry.body());
    }
  }
}

template <class Sink>
void QueueLog::take_page(Seq first, Page& page, Sink& sink) {
  if (!page.spilling.empty()) {
    std::string bytes;
    for (const auto& fragment : std::exchange(page.spilling, {})) bytes += fragment->bytes();
    sink.put_page(id_, first, std::move(bytes));
    stored(first, page);
  }
  if (page.building) {
    auto fragment = take_building(page);
    // Most pages are written by one batch: a whole value is cheaper for a store than one to be put together.
    if (page.stored) {
      sink.append_page(id_, first, std::move(fragment));
    } else {
      sink.start_page(id_, first, std::move(fragment));
    }
    stored(first, page);
  }
  const bool rewrite_due = std::exchange(page.rewrite, false);
  const bool state_due = std::exchange(page.state_dirty, false);
  const bool extent_due = std::exchange(page.extent_due, false);
  if (!stored_) return;
  if (rewrite_due) {
    std::string live_records;
    rewrite(first, page, live_records);
    sink.put_page(id_, first, std::move(live_records));
  }
  if (state_due) {
    sink.put_page_state(id_, first, *page.state);
    page.state_stored = true;
  }
  if (extent_due) {
    sink.put_extent(id_, PageExtent{first, page.end, page.bytes, page.bodies});
    page.indexed = true;
  }
}

template <class Sink>
void QueueLog::take_changes(Sink& sink) {
  for (const Seq first : dirty_pages_) {
    const auto it = pages_.find(first);
    if (it == pages_.end()) continue;
    it->second.dirty = false;
    take_page(first, it->second, sink);
  }
  dirty_pages_.clear();
  for (const Erased& e : erased_) sink.erase_page(id_, e.page, e.indexed, e.state_stored);
  erased_.clear();
  if (std::exchange(state_dirty_, false) && stored_) {
    sink.put_log_state(id_, LogState{pages_.empty() ? next_seq_ : pages_.begin()->first, next_told_, mark_});
  }
}

}  // namespace escrow::broker
