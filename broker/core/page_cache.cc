#include "broker/core/page_cache.h"

#include "broker/core/queue_log.h"

namespace escrow::broker {

void PageCache::enforce(const std::function<void(QueueLog&)>& evicted) {
  while (bytes_ > bound_ && !order_.empty()) {
    const auto [log, page] = order_.front();
    log->evict(page);
    evicted(*log);
  }
}

}  // namespace escrow::broker
