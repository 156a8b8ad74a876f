// Who calls: the user names and passwords of the server, checked for every call.
//
// Argon2id is slow on purpose, so it runs once per credentials, not per call:
//
//   authorization ─▶ keyed hash ─▶ known right or known wrong?  ──yes──▶ answer at once (a microsecond)
//                                        │ no
//                                        ▼
//              waiting (at most kMaxWaiting, equal ones once) ─▶ one thread: Argon2id ─▶ remembered, answered
//
// So wrong credentials cannot take more than one core and one hash's memory, however many come; and who is known already is
// not held up by them. When too many wait, the newcomer gets UNAVAILABLE, AUTHENTICATION_BUSY, and tries again.
//
// What is remembered is the keyed hash of user and password, with a key that is random per process: neither memory dumps of
// another process nor timing help to guess. Right ones are as many as users; of wrong ones the last kMaxWrong are kept.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "rpc/credentials.h"

namespace escrow::rpc {

/// Thread-safe.
class Authenticator {
 public:
  static constexpr std::size_t kMaxWaiting = 64;
  static constexpr std::size_t kMaxCallersWaiting = 4096;
  static constexpr std::size_t kMaxWrong = 4096;

  /// A user whose password is given by its Argon2id hash.
  struct HashedUser {
    std::string name;
    std::string hash;
  };
  /// Told who is refused, for the log: the name that the caller gave, or none, and where it is. Any thread.
  using Refused = std::function<void(std::string_view user, std::string_view peer)>;
  /// `secrets` are passwords that the server knows itself (generated, or of a development server): they need no slow hash.
  Authenticator(const std::vector<Credentials>& secrets, std::vector<HashedUser> hashed, Refused refused = {});
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  /// The name of the user, or UNAUTHENTICATED with CREDENTIALS_WRONG.
  using Verdict = Result<std::string>;

  /// Does not block. Empty: unknown so far, verify() has to find out.
  std::optional<Verdict> known(std::string_view authorization);
  /// Calls `done` once: on this thread when the verdict needs no work, otherwise later on the verifying thread.
  void verify(std::string_view authorization, std::function<void(Verdict)> done);
  /// Tells who is refused, when that is what the error says.
  void report_refused(std::string_view authorization, std::string_view peer, const Error& error) const;

 private:
  using Key = std::array<unsigned char, 32>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      std::size_t hash = 0;
      std::memcpy(&hash, key.data(), sizeof hash);
      return hash;
    }
  };
  struct KeyEqual {  // in constant time
    bool operator()(const Key& a, const Key& b) const;
  };
  struct Waiting {
    Credentials credentials;
    std::vector<std::function<void(Verdict)>> callers;
  };

  Key key_of(const Credentials& credentials) const;
  std::optional<Verdict> known(const Key& key) const;                                         // mutex held
  bool enqueue(const Key& key, Credentials credentials, std::function<void(Verdict)>& done);  // mutex held
  bool is_right(const Credentials& credentials) const;
  void remember_wrong(const Key& key);
  void run();

  const std::vector<HashedUser> hashed_;
  const Refused refused_;
  std::array<unsigned char, 32> secret_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Key, std::string, KeyHash, KeyEqual> right_;
  std::unordered_set<Key, KeyHash, KeyEqual> wrong_;
  std::deque<Key> wrong_order_;
  std::unordered_map<Key, Waiting, KeyHash, KeyEqual> waiting_;
  std::deque<Key> waiting_order_;
  std::size_t callers_waiting_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace escrow::rpc
