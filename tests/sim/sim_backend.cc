#include "tests/sim/sim_backend.h"

#include <utility>

#include "base/invariant.h"

namespace escrow::sim {

SimBackend::SimBackend(SimDisk& disk, DiskProfile profile, Random random, Present& present, Listener listener)
    : disk_(disk), profile_(profile), random_(random), present_(present), listener_(std::move(listener)) {}

bool SimBackend::commit(const WriteSet& batch, bool lone) {
  ESCROW_INVARIANT(batch_ == nullptr && !committed_, "one batch is on its way at a time");
  batch_ = &batch;
  listener_.sealed(batch);
  if (!lone || !random_.chance(profile_.on_the_spot)) return false;
  return finish_commit();
}

void SimBackend::write_ahead(std::shared_ptr<const WriteSet> bodies) {
  listener_.bodies_written(*bodies);
  bodies_.push_back(std::move(bodies));
}

bool SimBackend::write_bodies(std::size_t count) {
  for (; count > 0; --count) {
    if (!disk_.commit(*bodies_.front(), Store::Durability::kNoSync)) return false;
    bodies_.pop_front();
  }
  return true;
}

bool SimBackend::finish_commit() {
  if (!write_bodies(bodies_.size()) || !disk_.commit(*batch_, Store::Durability::kSync)) return false;
  present_.synced = std::exchange(batch_, nullptr)->batch();
  listener_.durable();
  return true;
}

void SimBackend::read(std::function<Completion(const Store&)> read) { reads_.push_back(std::move(read)); }

CachedRead SimBackend::get_cached(Table table, std::string_view key, std::string& value) {
  return disk_.store().get_cached(table, key, value);
}

void SimBackend::step() {
  disk_.step();
  if (!bodies_.empty() && random_.chance(profile_.commit)) write_bodies(1);
  if (batch_ != nullptr && disk_.has_power() && random_.chance(profile_.commit)) committed_ = finish_commit();
  while (disk_.has_power() && !reads_.empty() && random_.chance(profile_.read)) {
    std::swap(reads_[random_.below(reads_.size())], reads_.back());
    auto read = std::move(reads_.back());
    reads_.pop_back();
    completions_.push_back(read(disk_.store()));
  }
}

SimBackend::Completion SimBackend::take_completion() {
  if (completions_.empty() || !random_.chance(profile_.read)) return {};
  std::swap(completions_[random_.below(completions_.size())], completions_.back());
  Completion completion = std::move(completions_.back());
  completions_.pop_back();
  return completion;
}

void SimBackend::stop_faults() { profile_.commit = profile_.read = 0.9; }

bool SimBackend::idle() const {
  return bodies_.empty() && batch_ == nullptr && !committed_ && reads_.empty() && completions_.empty();
}

void SimBackend::crash() {
  if (disk_.has_power()) write_bodies(random_.below(bodies_.size() + 1));
  // The batch is on disk and nobody was told, or it was being written, or it had not begun.
  if (batch_ != nullptr && bodies_.empty() && disk_.has_power() && random_.chance(0.7)) {
    const bool synced = random_.chance(0.3);
    disk_.commit(*batch_, synced ? Store::Durability::kSync : Store::Durability::kNoSync);
  }
  bodies_.clear();
  batch_ = nullptr;
  committed_ = false;
  reads_.clear();
  completions_.clear();
  disk_.cut_power(random_);
}

}  // namespace escrow::sim
