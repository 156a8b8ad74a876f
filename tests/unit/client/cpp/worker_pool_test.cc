#include "client/cpp/internal/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client::internal {
namespace {

TEST(WorkerPool, runs_several_tasks_at_a_time) {
  Gate first_runs, second_runs;
  Events<int> done;
  WorkerPool pool(2, 10);
  // Each task waits for the other one: on a single thread neither would end.
  ASSERT_TRUE(pool.submit([&] {
    first_runs.open();
    second_runs.wait();
    done.add(1);
  }));
  ASSERT_TRUE(pool.submit([&] {
    second_runs.open();
    first_runs.wait();
    done.add(2);
  }));
  EXPECT_TRUE(done.take());
  EXPECT_TRUE(done.take());
}

TEST(WorkerPool, takes_no_more_than_may_wait) {
  Gate started, release;
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.submit([&] {
    started.open();
    release.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  release.open();
}

TEST(WorkerPool, stop_waits_for_the_running_task_and_forgets_the_others) {
  Gate started, release;
  std::atomic<bool> finished = false, other_ran = false;
  WorkerPool pool(1, 10);
  ASSERT_TRUE(pool.submit([&] {
    started.open();
    release.wait();
    finished = true;
  }));
  ASSERT_TRUE(pool.submit([&] { other_ran = true; }));
  started.wait();
  auto stopping = std::async(std::launch::async, [&] { pool.stop(); });
  // The pool refuses tasks as soon as stop() has begun.
  while (pool.submit([&] { other_ran = true; })) pool.clear();
  release.open();
  stopping.get();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(other_ran);
}

}  // namespace
}  // namespace escrow::client::internal
