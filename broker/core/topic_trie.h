// Matching of topic routing keys (AMQP 0-9-1 section 3.1.3.3): words separated by dots; in a pattern `*` is exactly one
// word and `#` any number of words, none included.
//
// The trie of all patterns is walked with a set of nodes, one word of the key at a time, so that a hostile pattern full
// of `#` costs words × nodes and not an exponential.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace escrow::broker {

/// Not thread-safe. Targets are not owned and not looked into.
template <class Target>
class TopicTrie {
 public:
  void insert(std::string_view pattern, Target* target) {
    Node* node = &root_;
    for_each_word(pattern, [&](std::string_view word) { node = &node->child(word); });
    node->targets.insert(target);
  }

  void erase(std::string_view pattern, Target* target) {
    std::vector<std::string_view> words;
    for_each_word(pattern, [&](std::string_view word) { words.push_back(word); });
    erase(root_, words, target);
  }

  /// Calls visit(Target*) for every binding that matches; a target bound by several patterns is visited several times.
  /// Returns how many nodes it has looked at.
  template <class Visitor>
  std::size_t match(std::string_view key, Visitor&& visit) {
    std::size_t looked_at = 0;
    current_.clear();
    add(root_);
    for_each_word(key, [&](std::string_view word) {
      previous_.swap(current_);
      current_.clear();
      ++stamp_;
      looked_at += previous_.size();
      for (Node* node : previous_) {
        if (node->is_hash) add(*node);
        if (const auto it = node->children.find(word); it != node->children.end()) {
          // A key may hold the words "*" and "#" literally; they match as wildcards below or not at all.
          if (word != "*" && word != "#") add(*it->second);
        }
        if (node->star != nullptr) add(*node->star);
      }
    });
    for (Node* node : current_) {
      for (Target* target : node->targets) visit(target);
    }
    ++stamp_;
    return looked_at;
  }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    Node* star = nullptr;
    Node* hash = nullptr;
    bool is_hash = false;
    std::uint64_t stamp = 0;
    std::unordered_set<Target*> targets;  // of many with the same pattern, each can go without a look at the others

    Node& child(std::string_view word) {
      auto it = children.find(word);
      if (it == children.end()) {
        it = children.emplace(std::string(word), std::make_unique<Node>()).first;
        it->second->is_hash = word == "#";
        if (word == "*") star = it->second.get();
        if (word == "#") hash = it->second.get();
      }
      return *it->second;
    }
  };

  template <class Visitor>
  static void for_each_word(std::string_view text, Visitor&& visit) {
    if (text.empty()) return;
    for (;;) {
      const std::size_t dot = text.find('.');
      visit(text.substr(0, dot));
      if (dot == std::string_view::npos) return;
      text.remove_prefix(dot + 1);
    }
  }

  void add(Node& node) {
    if (node.stamp == stamp_) return;
    node.stamp = stamp_;
    current_.push_back(&node);
    if (node.hash != nullptr) add(*node.hash);  // `#` matches no word, too
  }

  /// True: the node is empty and can go.
  bool erase(Node& node, std::span<const std::string_view> words, Target* target) {
    if (words.empty()) {
      node.targets.erase(target);
    } else if (const auto it = node.children.find(words.front()); it != node.children.end()) {
      if (erase(*it->second, words.subspan(1), target)) {
        if (node.star == it->second.get()) node.star = nullptr;
        if (node.hash == it->second.get()) node.hash = nullptr;
        node.children.erase(it);
      }
    }
    return node.targets.empty() && node.children.empty();
  }

  Node root_;
  std::uint64_t stamp_ = 1;
  std::vector<Node*> current_;
  std::vector<Node*> previous_;
};

}  // namespace escrow::broker
