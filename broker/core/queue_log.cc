#include "broker/core/queue_log.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/invariant.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;

Error damaged(const char* what) {
  return {ErrorCode::kDataLoss, "LOG_DAMAGED", std::string(what) + " cannot be read: restore the data directory", {}};
}

}  // namespace

void LogState::encode(std::string& out) const {
  ByteWriter(out).u8(kVersion).varint(head).varint(next).varint(delivered_mark);
}

Result<LogState> LogState::decode(std::string_view in) {
  ByteReader reader(in);
  const bool known = reader.u8() == kVersion;
  LogState state;
  state.head = reader.varint();
  state.next = reader.varint();
  state.delivered_mark = reader.varint();
  if (!known || !reader.done()) return damaged("a stored log state");
  return state;
}

void PageExtent::encode(std::string& out) const {
  ByteWriter writer(out);
  writer.u8(kVersion).varint(end).varint(bytes).varint(bodies.size());
  for (const BodyOfMessage& entry : bodies) writer.varint(entry.offset).u64(entry.id).u32(entry.size);
}

Result<PageExtent> PageExtent::decode(Seq first, std::string_view in) {
  ByteReader reader(in);
  const bool known = reader.u8() == kVersion;
  PageExtent extent{first, reader.varint(), 0, {}};
  extent.bytes = reader.varint();
  const std::uint64_t bodies = reader.varint();
  for (std::uint64_t i = 0; i < bodies && reader.ok(); ++i) {
    BodyOfMessage entry{static_cast<std::uint32_t>(reader.varint()), 0, 0};
    entry.id = reader.u64();
    entry.size = reader.u32();
    extent.bodies.push_back(entry);
  }
  if (!known || !reader.done() || extent.end <= first) return damaged("a stored page extent");
  return extent;
}

Result<PageExtent> PageExtent::of(Seq first, std::string_view page) {
  PageExtent extent{first, first, page.size(), {}};
  while (!page.empty()) {
    const auto fragment = Fragment::decode(page);
    if (!fragment) return fragment.error();
    extent.end = (*fragment)->end();
    if (!(*fragment)->has_bodies_apart()) continue;
    for (std::uint32_t i = 0; i < (*fragment)->count(); ++i) {
      if (const BodyRef body = (*fragment)->record(i).message.apart) {
        extent.bodies.push_back({static_cast<std::uint32_t>((*fragment)->first() - first) + i, body.size, body.id});
      }
    }
  }
  if (extent.end == first) return damaged("an empty page");
  return extent;
}

QueueLog::~QueueLog() {
  for (auto& [first, page] : pages_) drop_fragments(page);
}

QueueLog::Pages::iterator QueueLog::page_of(Seq seq) {
  if (last_page_ != pages_.end() && last_page_->first <= seq && seq < last_page_->second.end) return last_page_;
  auto it = pages_.upper_bound(seq);
  if (it == pages_.begin()) return pages_.end();
  --it;
  if (seq >= it->second.end) return pages_.end();
  return last_page_ = it;
}

void QueueLog::touch(Pages::iterator page) {
  if (!writes(page->second) || std::exchange(page->second.dirty, true)) return;
  dirty_pages_.push_back(page->first);
}

void QueueLog::close(Pages::iterator page) {
  page->second.closed = true;
  page->second.bodies.shrink_to_fit();
  if (!page->second.in_memory && stored_) index(page);
}

// Pages leave memory in the order in which they were closed, and once it is due an extent is stored even if its page is
// back by then. So no page has an extent before all older ones have, and recovery finds the others behind the last of them.
void QueueLog::index(Pages::iterator page) {
  if (page->second.indexed) return;
  page->second.extent_due = true;
  touch(page);
}

QueueLog::Pages::iterator QueueLog::open_page(std::size_t record, BatchNumber batch, bool persistent) {
  persistent &= stored_;
  if (!pages_.empty()) {
    const auto tail = std::prev(pages_.end());
    const Page& page = tail->second;
    const bool suits = page.persistent ? persistent || page.bytes + record <= kPageBytes : !persistent;
    if (!page.closed && page.bytes < kPageBytes && suits) return tail;
    if (!page.closed) close(tail);
  }
  const auto it = pages_.emplace_hint(pages_.end(), next_seq_, Page{});
  it->second.end = next_seq_;
  it->second.batch = batch;
  it->second.persistent = persistent;
  it->second.in_memory = true;
  it->second.place = cache_.enter(this, next_seq_);
  return it;
}

// Nobody appends to it any more: it may be delivered to whatever thread.
std::shared_ptr<const Fragment> QueueLog::take_building(Page& page) {
  const std::shared_ptr<Fragment> fragment = std::move(page.building);
  const std::size_t before = fragment->footprint();
  fragment->seal();
  if (page.in_memory || page.loading) cache_.shrink(before - fragment->footprint());
  return fragment;
}

Fragment::Expected QueueLog::expected_in(const Page& page, std::size_t record) const {
  if (last_batch_.bytes == 0) return {};
  // As much as is missing to what the last batch had; the page's last record may go beyond its size.
  const std::size_t missing = last_batch_.bytes - std::min(last_batch_.bytes, this_batch_.bytes);
  const std::size_t left = kPageBytes - std::min<std::size_t>(page.bytes, kPageBytes) + record;
  const std::size_t bytes = std::min(missing, left);
  return {last_batch_.messages * bytes / last_batch_.bytes + 1, bytes};
}

Seq QueueLog::append(std::string_view record, BodyRef body, std::uint32_t body_bytes, Timestamp now, BatchNumber batch,
                     bool persistent) {
  if (std::exchange(counted_batch_, batch) != batch) last_batch_ = std::exchange(this_batch_, {});
  const auto it = open_page(record.size(), batch, persistent);
  Page& page = it->second;
  if (page.building && !writes(page) && page.building->time() != now) take_building(page);
  if (!page.building) {
    page.building =
        std::make_shared<Fragment>(next_seq_, now, writes(page) ? batch : 0, expected_in(page, record.size()));
    if (writes(page)) page.batch = batch;
    if (page.in_memory || page.loading) page.fragments.push_back(page.building);
    touch(it);
  }
  const bool kept = page.in_memory || page.loading;
  const std::size_t before = page.building->footprint();
  page.building->append(record, now);
  if (kept) cache_.grow(page.building->footprint() - (page.building->count() == 1 ? 0 : before));
  ++this_batch_.messages;
  this_batch_.bytes += record.size();
  page.bytes += static_cast<std::uint32_t>(record.size());
  page.body_bytes += body_bytes;
  body_bytes_ += body_bytes;
  if (body) page.bodies.push_back({static_cast<std::uint32_t>(next_seq_ - it->first), body.size, body.id});
  ++page.live;
  ++live_;
  page.end = ++next_seq_;
  return next_seq_ - 1;
}

QueueLog::Location QueueLog::locate(Seq seq) {
  if (last_fragment_ != nullptr && last_fragment_->first() <= seq && seq < last_fragment_->end()) {
    return {Presence::kInMemory, last_fragment_, static_cast<std::uint32_t>(seq - last_fragment_->first()), 0};
  }
  const auto it = page_of(seq);
  ESCROW_INVARIANT(it != pages_.end(), "only live messages are looked up");
  Page& page = it->second;
  if (!page.in_memory) return {Presence::kNotLoaded, nullptr, 0, it->first};
  auto found = std::ranges::upper_bound(page.fragments, seq, {}, [](const auto& f) { return f->first(); });
  ESCROW_INVARIANT(found != page.fragments.begin(), "a page in memory holds all that is left of it");
  --found;
  ESCROW_INVARIANT(seq < (*found)->end(), "a page in memory holds all that is left of it");
  if (!writes(page) && page.building == *found) take_building(page);
  last_fragment_ = found->get();
  return {Presence::kInMemory, last_fragment_, static_cast<std::uint32_t>(seq - last_fragment_->first()), it->first};
}

std::optional<Seq> QueueLog::page_after(Seq page) const {
  const auto it = pages_.upper_bound(page);
  if (it == pages_.end()) return std::nullopt;
  return it->first;
}

Seq QueueLog::first_live(Seq from) const {
  auto it = page_of(from);
  if (it == pages_.end()) it = pages_.lower_bound(from);
  for (; it != pages_.end(); ++it) {
    const Page& page = it->second;
    const Seq begin = std::max(from, it->first);
    if (page.live == 0) continue;
    if (!page.state) return begin;
    for (Seq seq = begin; seq < page.end; ++seq) {
      if (!page.state->gone(static_cast<std::uint32_t>(seq - it->first))) return seq;
    }
  }
  return next_seq_;
}

PageState& QueueLog::state_of(Pages::iterator page) {
  if (!page->second.state) page->second.state = std::make_unique<PageState>();
  page->second.state_dirty = true;
  touch(page);
  return *page->second.state;
}

std::uint32_t QueueLog::delivery_count(Seq seq) const {
  const auto it = page_of(seq);
  if (it == pages_.end() || !it->second.state) return 0;
  return it->second.state->delivery_count(static_cast<std::uint32_t>(seq - it->first));
}

void QueueLog::set_delivery_count(Seq seq, std::uint32_t count) {
  const auto it = page_of(seq);
  ESCROW_INVARIANT(it != pages_.end(), "only live messages come back");
  state_of(it).set_delivery_count(static_cast<std::uint32_t>(seq - it->first), count);
}

void QueueLog::tell_next() {
  if (std::max(next_told_, mark_) >= next_seq_) return;
  next_told_ = next_seq_;
  state_dirty_ = true;
}

bool QueueLog::persists(Seq seq) const {
  const auto page = page_of(seq);
  return page != pages_.end() && page->second.persistent;
}

void QueueLog::move_mark(Seq mark, BatchNumber batch) {
  if (mark_batch_ != batch) {
    mark_before_ = mark_;
    mark_before_batch_ = mark_batch_;
  }
  mark_ = mark;
  mark_batch_ = batch;
  state_dirty_ = true;
}

BatchNumber QueueLog::mark_delivered(Seq seq, BatchNumber batch) {
  if (!stored_) return 0;
  if (const auto page = page_of(seq); page == pages_.end() || !writes(page->second)) return 0;
  if (seq >= mark_) move_mark(seq + kMarkBlock, batch);
  // Only the batch that is being built and the one before it can be not durable yet.
  return seq >= mark_before_ ? mark_batch_ : mark_before_batch_;
}

bool QueueLog::remove(Seq seq, std::optional<std::uint32_t> body_bytes) {
  const auto it = page_of(seq);
  if (it == pages_.end()) return false;
  Page& page = it->second;
  const auto offset = static_cast<std::uint32_t>(seq - it->first);
  if (page.state && page.state->gone(offset)) return false;
  --live_;
  if (page.live == 1) {
    erase(it);
    return true;
  }
  const std::uint64_t bytes = std::min(page.body_bytes, body_bytes ? *body_bytes : page.body_bytes / page.live);
  page.body_bytes -= bytes;
  body_bytes_ -= bytes;
  --page.live;
  state_of(it).mark_gone(offset);
  const auto body = std::ranges::lower_bound(page.bodies, offset, {}, &BodyOfMessage::offset);
  if (body != page.bodies.end() && body->offset == offset) released_.push_back(body->body());
  if (page.closed && page.in_memory && !page.rewritten && page.live * kRewriteFraction < page.end - it->first) {
    page.rewrite = true;
  }
  return true;
}

QueueLog::Pages::iterator QueueLog::erase(Pages::iterator it) {
  Page& page = it->second;
  body_bytes_ -= page.body_bytes;
  release_bodies(page);
  if (page.stored) erased_.push_back({it->first, page.indexed, page.state_stored});
  drop_fragments(page);
  last_page_ = pages_.end();
  // No page that is left may tell that its sequences were given.
  if (writes(page) && it->first >= last_stored_) tell_next();
  return pages_.erase(it);
}

void QueueLog::release_bodies(const Page& page) {
  for (const BodyOfMessage& entry : page.bodies) {
    if (!page.state || !page.state->gone(entry.offset)) released_.push_back(entry.body());
  }
}

QueueLog::Trimmed QueueLog::trim(Seq from, Seq until, std::size_t max_work) {
  Trimmed trimmed{0, until, 0};
  auto it = pages_.lower_bound(from);
  if (it != pages_.begin() && std::prev(it)->second.end > from) --it;
  while (it != pages_.end() && it->first < until) {
    if (trimmed.work >= max_work) {
      trimmed.position = std::max(it->first, from);
      break;
    }
    Page& page = it->second;
    trimmed.work += 1 + page.bodies.size();
    if (it->first >= from && page.end <= until) {
      trimmed.messages += page.live;
      live_ -= page.live;
      it = erase(it);
      continue;
    }
    const Seq end = std::min(page.end, until);
    for (Seq seq = std::max((it++)->first, from); seq < end; ++seq) {  // removing the last one erases the page
      if (remove(seq)) ++trimmed.messages;
    }
  }
  return trimmed;
}

bool QueueLog::dissolve(std::size_t max_work) {
  last_page_ = pages_.end();
  for (std::size_t work = 0; !pages_.empty() && work < max_work; ++work) {
    Page& page = pages_.begin()->second;
    if (!page.bodies.empty()) {
      const BodyOfMessage& last = page.bodies.back();
      if (!page.state || !page.state->gone(last.offset)) released_.push_back(last.body());
      page.bodies.pop_back();
      continue;
    }
    drop_fragments(page);
    live_ -= page.live;
    body_bytes_ -= page.body_bytes;
    pages_.erase(pages_.begin());
  }
  return !pages_.empty();
}

void QueueLog::drop_fragments(Page& page) {
  for (const auto& fragment : page.fragments) {
    cache_.shrink(fragment->footprint());
    if (last_fragment_ == fragment.get()) last_fragment_ = nullptr;
  }
  std::vector<std::shared_ptr<const Fragment>>().swap(page.fragments);  // its capacity, too
  page.in_memory = false;
  if (page.place) cache_.leave(*page.place);
  page.place.reset();
}

void QueueLog::evict(Seq first, BatchNumber batch) {
  const auto it = pages_.find(first);
  ESCROW_INVARIANT(it != pages_.end() && it->second.place, "the cache lists pages in memory only");
  Page& page = it->second;
  page.rewrite = false;
  if (!writes(page)) spill(it, batch);
  if (page.closed && stored_) index(it);
  drop_fragments(page);
}

void QueueLog::spill(Pages::iterator it, BatchNumber batch) {
  Page& page = it->second;
  if (page.building) take_building(page);
  page.spilling = page.fragments;
  page.batch = batch;
  page.state_dirty = page.state != nullptr;
  spilled_ |= !stored_;
  if (stored_ && mark_ < page.end) move_mark(page.end, batch);  // some may have been delivered
  touch(it);
}

std::optional<QueueLog::LoadRequest> QueueLog::request_load(Seq first) {
  const auto it = pages_.find(first);
  if (it == pages_.end() || it->second.in_memory || it->second.loading) return std::nullopt;
  it->second.loading = true;
  if (it->second.building) keep(it, it->second.building);
  return LoadRequest{id_, first, it->second.batch};
}

void QueueLog::keep(Pages::iterator it, std::shared_ptr<const Fragment> fragment) {
  cache_.grow(fragment->footprint());
  it->second.fragments.push_back(std::move(fragment));
}

Result<void> QueueLog::load(Seq first, std::string_view stored) {
  const auto it = pages_.find(first);
  if (it == pages_.end() || !it->second.loading) return {};
  Page& page = it->second;
  page.loading = false;
  // What was appended since the request is in memory; the read may or may not have seen it.
  std::vector<std::shared_ptr<const Fragment>> newer = std::move(page.fragments);
  for (const auto& fragment : newer) cache_.shrink(fragment->footprint());
  page.fragments.clear();
  const Seq newer_from = newer.empty() ? page.end : newer.front()->first();
  while (!stored.empty()) {
    Result<std::shared_ptr<const Fragment>> fragment = Fragment::decode(stored);
    if (!fragment) return std::move(fragment).error();
    if ((*fragment)->first() < newer_from) keep(it, std::move(*fragment));
  }
  for (auto& fragment : newer) keep(it, std::move(fragment));
  // Not before: what a page gathers while it is read must not be evicted, the read may not have seen it.
  page.place = cache_.enter(this, first);
  page.in_memory = true;
  return {};
}

void QueueLog::rewrite(Seq first, Page& page, std::string& out) {
  for (const auto& fragment : page.fragments) {
    std::optional<Fragment> run;
    for (std::uint32_t i = 0; i <= fragment->count(); ++i) {
      const bool live =
          i < fragment->count() && !page.state->gone(static_cast<std::uint32_t>(fragment->first() + i - first));
      if (live) {
        if (!run) run.emplace(fragment->first() + i, fragment->time(), fragment->batch());
        run->append(fragment->encoded_record(i), fragment->time());
      }
      if (live || !run) continue;
      run->seal();
      out += run->bytes();
      run.reset();
    }
  }
  page.bytes = static_cast<std::uint32_t>(out.size());
  page.rewritten = true;
  tell_next();  // it may have ended with messages that are gone
}

void QueueLog::recover_state(const LogState& state) {
  head_hint_ = state.head;
  mark_ = mark_before_ = recovered_mark_ = state.delivered_mark;
  next_told_ = state.next;
  next_seq_ = std::max({next_seq_, state.head, state.next, state.delivered_mark});
}

void QueueLog::recover_page(PageExtent extent, bool indexed, std::optional<PageState> state) {
  Page page;
  page.end = extent.end;
  page.bytes = static_cast<std::uint32_t>(extent.bytes);
  page.bodies = std::move(extent.bodies);
  page.bodies.shrink_to_fit();
  page.closed = page.stored = true;
  last_stored_ = extent.first;
  page.indexed = indexed;
  page.live = static_cast<std::uint32_t>(extent.end - extent.first);
  if (state) {
    // A page that was rewritten may end before the last message that its state knows.
    page.live -= state->gone_count(page.live);
    page.state = std::make_unique<PageState>(std::move(*state));
    page.state_stored = true;
  }
  page.body_bytes = extent.bytes;
  for (const BodyOfMessage& body : page.bodies) page.body_bytes += body.size;
  page.body_bytes = page.body_bytes * page.live / (extent.end - extent.first);
  live_ += page.live;
  body_bytes_ += page.body_bytes;
  next_seq_ = std::max(next_seq_, extent.end);
  const auto it = pages_.emplace_hint(pages_.end(), extent.first, std::move(page));
  index(it);
}

std::uint64_t QueueLog::digest() const {
  std::uint64_t hash = id_ + 0x9e3779b97f4a7c15;
  const auto mix = [&](std::uint64_t v) { hash = (hash ^ v) * 0xff51afd7ed558ccd, hash ^= hash >> 32; };
  for (const auto& [first, page] : pages_) {
    if (!stored_ || !writes(page)) continue;
    for (Seq seq = first_live(first); seq < page.end; seq = first_live(seq + 1)) {
      mix(seq);
      mix(delivery_count(seq));
    }
  }
  return hash;
}

}  // namespace escrow::broker
