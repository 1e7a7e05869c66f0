// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "catalog/base/sync.h"
#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/spool/spool.h"
#include "catalog/upload/image_format.h"

namespace glance {

/// The hex digits of a digest by `algo`, OpenSSL's name of a hash. Error: invalid, if unknown.
[[nodiscard]] std::size_t digest_digits(const std::string& algo);

/// The digest of the first `size` bytes, as lower-case hex. Errors: invalid (unknown hash), io
/// (the bytes end too early), and what `read_at` throws.
[[nodiscard]] std::string digest_of(const ReadAt& read_at, std::uint64_t size,
                                    const std::string& algo);

/// Digests a spool while it is being written: MD5 and one more hash, each on a thread of its own
/// that follows the writer. What was written last is still at hand (some 4 MiB), older bytes come
/// from the page cache; a writer that runs too far ahead waits, so that they are still there when
/// the hashes come to them.
///
/// Bytes may be rewritten at any time until finish(): a change behind a hash costs a second pass,
/// made when the digests are asked for. Threads start with the first full block; small blobs are
/// hashed by finish() itself. `spool` must outlive the digester. Safe for concurrent use.
class Digester {
 public:
  /// `os_hash_algo` is OpenSSL's name of a hash, e.g. "sha512". Error: invalid, if unknown.
  Digester(const Spool& spool, const std::string& os_hash_algo);
  ~Digester();
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;

  [[nodiscard]] const std::string& os_hash_algo() const noexcept { return os_hash_algo_; }

  /// Bytes [from, to) have been written. Blocks while the hashes are too far behind.
  void written(std::uint64_t from, std::uint64_t to) EXCLUDES(mutex_);

  /// The same for bytes that the caller has in memory: a copy spares the hashes to read them back.
  void written(std::uint64_t from, std::span<const std::byte> bytes) EXCLUDES(mutex_);

  /// The spool will be cut to `size`: to be called before. Growth is told by written(), after.
  void truncated(std::uint64_t size) EXCLUDES(mutex_);

  /// The digests of the first `size` bytes. Blocks until the hashes are there; more bytes may
  /// follow afterwards. No write may run beside it. Error: io, from reading the spool.
  [[nodiscard]] Digests finish(std::uint64_t size) EXCLUDES(mutex_);

 private:
  struct Lane;

  /// Bytes as they were written, never changed: the hashes look at them without the lock.
  struct Chunk {
    std::uint64_t from = 0;
    std::vector<std::byte> bytes;

    [[nodiscard]] std::uint64_t end() const noexcept { return from + bytes.size(); }
  };
  using ChunkPtr = std::shared_ptr<Chunk>;

  void follow(Lane& lane) EXCLUDES(mutex_);
  void digest_rest(Lane& lane) EXCLUDES(mutex_);
  bool digest_block(Lane& lane) EXCLUDES(mutex_);
  void start_threads() REQUIRES(mutex_);
  void advance(std::uint64_t from, std::uint64_t to) REQUIRES(mutex_);
  void wait_for_hashes(MutexLock& lock) REQUIRES(mutex_);
  [[nodiscard]] bool may_go_on() const REQUIRES(mutex_);
  void keep(ChunkPtr chunk) REQUIRES(mutex_);
  void drop_digested() REQUIRES(mutex_);
  [[nodiscard]] ChunkPtr spare_chunk() EXCLUDES(mutex_);
  void recycle(ChunkPtr chunk) REQUIRES(mutex_);
  [[nodiscard]] ChunkPtr chunk_at(std::uint64_t offset) const REQUIRES(mutex_);
  void forget_chunks() REQUIRES(mutex_);
  [[nodiscard]] bool has_work(const Lane& lane) const REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t slowest() const REQUIRES(mutex_);

  const Spool& spool_;
  const std::string os_hash_algo_;
  Mutex mutex_;  // a leaf: see sync.h
  std::condition_variable_any work_;
  std::condition_variable_any progress_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::thread> threads_;
  std::uint64_t end_ GUARDED_BY(mutex_) = 0;        // bytes written so far
  std::deque<ChunkPtr> chunks_ GUARDED_BY(mutex_);  // the newest bytes, adjoining, in order
  std::size_t kept_ GUARDED_BY(mutex_) = 0;         // bytes in chunks_
  std::vector<ChunkPtr> spare_ GUARDED_BY(mutex_);  // chunks that were dropped
  bool stale_ GUARDED_BY(mutex_) = false;           // digested bytes have changed since
  bool finishing_ GUARDED_BY(mutex_) = false;       // go up to end_, whole block or not
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::exception_ptr failure_ GUARDED_BY(mutex_);
};

}  // namespace glance
