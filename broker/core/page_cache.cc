#include "broker/core/page_cache.h"

#include "broker/core/queue_log.h"

namespace escrow::broker {

void PageCache::enforce(BatchNumber batch, const std::function<void(QueueLog&)>& evicted) {
  while (bytes_ > bound_ && !order_.empty()) {
    const auto [log, page] = order_.front();
    log->evict(page, batch);
    evicted(*log);
  }
}

}  // namespace escrow::broker
