// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/digester.h"

#include <algorithm>
#include <span>
#include <system_error>

#include "catalog/base/error.h"
#include "catalog/upload/hash.h"

namespace glance {

namespace {

constexpr std::size_t kBlock = std::size_t{512} * 1024;

// How far a writer may run ahead, and how much is kept of what it wrote, so that the hashes need
// not read it back. The hashes are slower than any writer: a longer queue would only take memory,
// once for every upload.
constexpr std::uint64_t kMaxLag = std::uint64_t{3} * 1024 * 1024;

}  // namespace

std::size_t digest_digits(const std::string& algo) {
  return Hash(algo).digits();
}

std::string digest_of(const ReadAt& read_at, std::uint64_t size, const std::string& algo) {
  Hash hash(algo);
  std::vector<std::byte> buffer(kBlock);
  for (std::uint64_t from = 0; from < size;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, size - from));
    const auto block = std::span(buffer).first(want);
    if (read_at(from, block) != want) throw Error(Errc::io, "image data end too early");
    hash.update(block);
    from += want;
  }
  return hash.value();
}

/// One hash and how far it has come. `hash` and `buffer` belong to the lane's thread, or to
/// finish() while there are no threads; the positions are guarded by the digester's mutex.
struct Digester::Lane {
  explicit Lane(const std::string& name) : hash(name) {}

  Hash hash;
  std::vector<std::byte> buffer;
  std::uint64_t done = 0;     // bytes digested
  std::uint64_t reading = 0;  // end of the block that is being read
};

Digester::Digester(const Spool& spool, const std::string& os_hash_algo)
    : spool_(spool), os_hash_algo_(os_hash_algo) {
  lanes_.push_back(std::make_unique<Lane>("md5"));
  lanes_.push_back(std::make_unique<Lane>(os_hash_algo));
}

Digester::~Digester() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::uint64_t Digester::slowest() const {
  std::uint64_t least = lanes_.front()->done;
  for (const auto& lane : lanes_) least = std::min(least, lane->done);
  return least;
}

bool Digester::has_work(const Lane& lane) const {
  if (failure_ || (stale_ && !finishing_)) return false;
  return finishing_ ? lane.done < end_ : end_ - lane.done >= kBlock;
}

void Digester::start_threads() {
  if (!threads_.empty()) return;
  try {
    for (auto& lane : lanes_) {
      threads_.emplace_back([this, &lane] { follow(*lane); });
    }
  } catch (const std::system_error&) {
    // A lane without its thread would never come to the end that others wait for.
    failure_ = std::current_exception();
  }
}

void Digester::written(std::uint64_t from, std::uint64_t to) {
  MutexLock lock(mutex_);
  forget_chunks();
  advance(from, to);
  wait_for_hashes(lock);
}

void Digester::written(std::uint64_t from, std::span<const std::byte> bytes) {
  auto chunk = spare_chunk();
  chunk->from = from;
  chunk->bytes.assign(bytes.begin(), bytes.end());
  MutexLock lock(mutex_);
  if (from != end_) forget_chunks();
  advance(from, from + bytes.size());
  if (!stale_ && chunk->end() == end_) {
    keep(std::move(chunk));
  } else {
    recycle(std::move(chunk));
  }
  wait_for_hashes(lock);
}

void Digester::advance(std::uint64_t from, std::uint64_t to) {
  for (const auto& lane : lanes_) {
    // Behind a hash, or under its eyes: what it has seen is not what is there.
    if (from < std::max(lane->done, lane->reading)) stale_ = true;
  }
  end_ = std::max(end_, to);
}

void Digester::wait_for_hashes(MutexLock& lock) {
  if (stale_ || end_ < kBlock) return;
  start_threads();
  if (end_ - slowest() >= kBlock) work_.notify_all();
  if (end_ - slowest() <= kMaxLag) return;
  while (!may_go_on()) progress_.wait(lock);
}

/// Whether a writer that has been held up need not wait any longer. Not after each block, or it and
/// the hashes would wake each other for every single one.
bool Digester::may_go_on() const {
  return stale_ || failure_ || end_ - slowest() <= kMaxLag / 2;
}

// ── bytes at hand ─────────────────────────────────────────────────────────────────────────────

void Digester::keep(ChunkPtr chunk) {
  kept_ += chunk->bytes.size();
  chunks_.push_back(std::move(chunk));
  drop_digested();
}

/// Drops what all hashes have seen, and the oldest bytes where there are too many.
void Digester::drop_digested() {
  while (!chunks_.empty() && (chunks_.front()->end() <= slowest() || kept_ > 2 * kMaxLag)) {
    kept_ -= chunks_.front()->bytes.size();
    recycle(std::move(chunks_.front()));
    chunks_.pop_front();
  }
}

/// A chunk to be filled, with memory that was in use before if there is any: fresh one costs a page
/// fault each 4 KiB.
Digester::ChunkPtr Digester::spare_chunk() {
  MutexLock lock(mutex_);
  if (spare_.empty()) return std::make_shared<Chunk>();
  auto chunk = std::move(spare_.back());
  spare_.pop_back();
  return chunk;
}

void Digester::recycle(ChunkPtr chunk) {
  // A hash that still looks at it has its own share.
  if (chunk.use_count() == 1) spare_.push_back(std::move(chunk));
}

Digester::ChunkPtr Digester::chunk_at(std::uint64_t offset) const {
  const auto after = std::ranges::upper_bound(chunks_, offset, {}, &Chunk::from);
  if (after == chunks_.begin()) return nullptr;
  const ChunkPtr& chunk = *std::prev(after);
  return offset < chunk->end() ? chunk : nullptr;
}

void Digester::forget_chunks() {
  chunks_.clear();
  kept_ = 0;
}

void Digester::truncated(std::uint64_t size) {
  MutexLock lock(mutex_);
  forget_chunks();
  for (const auto& lane : lanes_) {
    if (size < std::max(lane->done, lane->reading)) stale_ = true;
  }
  end_ = std::min(end_, size);
}

Digests Digester::finish(std::uint64_t size) {
  MutexLock lock(mutex_);
  end_ = size;
  if (stale_) {
    // Let a lane that is in the middle of a block come to rest before it starts anew.
    while (
        std::ranges::any_of(lanes_, [](const auto& lane) { return lane->reading > lane->done; })) {
      progress_.wait(lock);
    }
    for (const auto& lane : lanes_) {
      lane->hash.restart();
      lane->done = lane->reading = 0;
    }
    stale_ = false;
  }
  finishing_ = true;
  if (size >= kBlock) start_threads();
  if (threads_.empty()) {
    lock.unlock();
    for (const auto& lane : lanes_) digest_rest(*lane);
    lock.lock();
  } else {
    work_.notify_all();
    while (slowest() < end_ && !failure_) progress_.wait(lock);
  }
  finishing_ = false;
  spare_.clear();
  if (failure_) std::rethrow_exception(failure_);
  return {.checksum = lanes_[0]->hash.value(),
          .os_hash_algo = os_hash_algo_,
          .os_hash_value = lanes_[1]->hash.value()};
}

void Digester::digest_rest(Lane& lane) {
  while (digest_block(lane)) {
  }
}

bool Digester::digest_block(Lane& lane) {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  ChunkPtr chunk;
  {
    MutexLock lock(mutex_);
    if (!has_work(lane)) return false;
    from = lane.done;
    chunk = chunk_at(from);
    to = std::min(from + kBlock, chunk ? std::min(chunk->end(), end_) : end_);
    lane.reading = to;
  }
  std::exception_ptr failure;
  bool is_awaited = false;
  try {
    const auto size = static_cast<std::size_t>(to - from);
    if (chunk) {
      lane.hash.update(std::span(chunk->bytes).subspan(from - chunk->from, size));
    } else {
      lane.buffer.resize(kBlock);
      const auto block = std::span(lane.buffer).first(size);
      if (spool_.read(from, block) != size) throw Error(Errc::io, "image data end too early");
      lane.hash.update(block);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  {
    MutexLock lock(mutex_);
    // A block that was cut short or rewritten meanwhile is digested again anyway.
    if (failure && !failure_ && !stale_) failure_ = failure;
    lane.done = lane.reading = to;
    chunk.reset();
    drop_digested();
    is_awaited = finishing_ || may_go_on();
  }
  if (is_awaited) progress_.notify_all();
  return !failure;
}

void Digester::follow(Lane& lane) {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !has_work(lane)) work_.wait(lock);
      if (stopping_) return;
    }
    digest_block(lane);
  }
}

}  // namespace glance
