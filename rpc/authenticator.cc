#include "rpc/authenticator.h"

#include <sodium.h>

#include <utility>

#include "base/invariant.h"

namespace escrow::rpc {
namespace {

Error wrong() {
  return {ErrorCode::kUnauthenticated,
          "CREDENTIALS_WRONG",
          "user and password are wrong or missing; they go into the metadata key 'authorization' as 'Basic …'",
          {}};
}

Error busy() {
  return {
      ErrorCode::kUnavailable, "AUTHENTICATION_BUSY", "too many unknown credentials wait for their check: retry", {}};
}

}  // namespace

bool Authenticator::KeyEqual::operator()(const Key& a, const Key& b) const {
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Authenticator::Authenticator(const std::vector<Credentials>& secrets, std::vector<HashedUser> hashed, Refused refused)
    : hashed_(std::move(hashed)), refused_(std::move(refused)) {
  ESCROW_INVARIANT(sodium_init() >= 0, "libsodium starts");
  randombytes_buf(secret_.data(), secret_.size());
  for (const Credentials& credentials : secrets) right_.emplace(key_of(credentials), credentials.user);
  thread_ = std::thread([this] { run(); });
}

Authenticator::~Authenticator() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Authenticator::Key Authenticator::key_of(const Credentials& credentials) const {
  // No user name contains the separator.
  const std::string both = credentials.user + ":" + credentials.password;
  Key key;
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(both.data()), both.size(),
                     secret_.data(), secret_.size());
  return key;
}

std::optional<Authenticator::Verdict> Authenticator::known(const Key& key) const {
  if (const auto it = right_.find(key); it != right_.end()) return Verdict(it->second);
  if (hashed_.empty() || wrong_.contains(key)) return Verdict(wrong());
  return std::nullopt;
}

std::optional<Authenticator::Verdict> Authenticator::known(std::string_view authorization) {
  const std::optional<Credentials> credentials = parse_basic(authorization);
  if (!credentials) return Verdict(wrong());
  const Key key = key_of(*credentials);
  const std::scoped_lock lock(mutex_);
  return known(key);
}

void Authenticator::verify(std::string_view authorization, std::function<void(Verdict)> done) {
  std::optional<Credentials> credentials = parse_basic(authorization);
  if (!credentials) return done(wrong());
  const Key key = key_of(*credentials);
  std::optional<Verdict> verdict;
  {
    const std::scoped_lock lock(mutex_);
    verdict = known(key);
    if (!verdict && !enqueue(key, std::move(*credentials), done)) verdict = Verdict(busy());
  }
  if (verdict) return done(*std::move(verdict));
  changed_.notify_one();
}

void Authenticator::report_refused(std::string_view authorization, std::string_view peer, const Error& error) const {
  if (!refused_ || error.code != ErrorCode::kUnauthenticated) return;
  const std::optional<Credentials> credentials = parse_basic(authorization);
  refused_(credentials ? credentials->user : std::string(), peer);
}

bool Authenticator::enqueue(const Key& key, Credentials credentials, std::function<void(Verdict)>& done) {
  if (stopping_ || callers_waiting_ >= kMaxCallersWaiting) return false;
  auto it = waiting_.find(key);
  if (it == waiting_.end()) {
    if (waiting_.size() >= kMaxWaiting) return false;
    it = waiting_.emplace(key, Waiting{std::move(credentials), {}}).first;
    waiting_order_.push_back(key);
  }
  it->second.callers.push_back(std::move(done));
  ++callers_waiting_;
  return true;
}

bool Authenticator::is_right(const Credentials& credentials) const {
  for (const HashedUser& user : hashed_) {
    if (user.name == credentials.user) return verify_password(user.hash, credentials.password);
  }
  // An unknown name takes as long as a known one, and so does not show.
  verify_password(hashed_.front().hash, credentials.password);
  return false;
}

void Authenticator::remember_wrong(const Key& key) {
  if (wrong_order_.size() >= kMaxWrong) {
    wrong_.erase(wrong_order_.front());
    wrong_order_.pop_front();
  }
  if (wrong_.insert(key).second) wrong_order_.push_back(key);
}

void Authenticator::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_order_.empty(); });
    if (waiting_order_.empty()) return;
    const Key key = waiting_order_.front();
    waiting_order_.pop_front();
    Credentials credentials = waiting_.at(key).credentials;
    bool right = false;
    if (!stopping_) {
      lock.unlock();
      right = is_right(credentials);
      lock.lock();
      if (right) {
        right_.emplace(key, credentials.user);
      } else {
        remember_wrong(key);
      }
    }
    // Those who asked for the same meanwhile are among them.
    Waiting waiting = std::move(waiting_.extract(key).mapped());
    callers_waiting_ -= waiting.callers.size();
    const Verdict verdict = stopping_ ? Verdict(busy()) : right ? Verdict(credentials.user) : Verdict(wrong());
    lock.unlock();
    for (const auto& done : waiting.callers) done(verdict);
    sodium_memzero(credentials.password.data(), credentials.password.size());
    sodium_memzero(waiting.credentials.password.data(), waiting.credentials.password.size());
    lock.lock();
  }
}

}  // namespace escrow::rpc
