// SPDX-License-Identifier: Apache-2.0
#include "catalog/spool/spool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include "catalog/base/error.h"
#include "catalog/os/same_file.h"

namespace glance {

Spool::Spool(DirectoryPtr area, File file, ImageId id)
    : area_(std::move(area)),
      file_(std::move(file)),
      id_(std::move(id)),
      early_sync_(file_.fd(), [&disk = file_.disk()](int fd) { return disk.sync(fd); }) {}

void Spool::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  early_sync_.require_success();
  start_writeback(offset);
  file_.write(offset, bytes);
  early_sync_.written(bytes.size());
}

/// Has the disk begin with what is there, so that the sync at the end finds little to wait for, and
/// the kernel forget what is far behind: 40 GB that stream through must not push everything else
/// out of the page cache.
void Spool::start_writeback(std::uint64_t offset) {
  constexpr std::uint64_t kStep = std::uint64_t{8} * 1024 * 1024;
  constexpr std::uint64_t kCached = 32 * kStep;
  if (offset < unwritten_from_) {
    unwritten_from_ = offset;
  } else if (offset - unwritten_from_ >= kStep) {
    // Both are advice: nothing depends on their success.
    ::sync_file_range(file_.fd(), static_cast<off_t>(unwritten_from_),
                      static_cast<off_t>(offset - unwritten_from_), SYNC_FILE_RANGE_WRITE);
    if (unwritten_from_ >= kCached) {
      // What is not on the disk yet stays.
      ::posix_fadvise(file_.fd(), static_cast<off_t>(unwritten_from_ - kCached),
                      static_cast<off_t>(offset - unwritten_from_), POSIX_FADV_DONTNEED);
    }
    unwritten_from_ = offset;
  }
}

void Spool::truncate(std::uint64_t size) {
  file_.truncate(size);
}

void Spool::allocate(std::uint64_t offset, std::uint64_t size, bool grow) {
  file_.allocate(offset, size, grow);
}

void Spool::copy(const BlobReader& source, std::uint64_t from, std::uint64_t to,
                 std::uint64_t size) {
  if (source.fd() >= 0 && file_.copy(source.fd(), from, to, size)) return;
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::vector<std::byte> buffer(kChunk);
  for (std::uint64_t done = 0; done < size;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size - done));
    const std::size_t count = source.read(from + done, std::span(buffer).first(want));
    if (count == 0) throw Error(Errc::io, "image data end too early");
    write(to + done, std::span(buffer).first(count));
    done += count;
  }
}

std::size_t Spool::read(std::uint64_t offset, std::span<std::byte> into) const {
  return file_.read(offset, into);
}

std::optional<std::uint64_t> Spool::seek(std::uint64_t offset, bool hole) const {
  return file_.seek(offset, hole);
}

void Spool::sync() {
  file_.sync();
  early_sync_.require_end_in_success();
  if (entry_synced_) return;
  area_->sync();
  entry_synced_ = true;
}

void Spool::place_in(const Directory& directory) const {
  const std::string& name = id_.text();
  // Never over an existing file: whatever lies there, it is not ours to destroy.
  if (!area_->link(name, directory, name) && !is_same_file(directory, name, file_)) {
    throw Error(Errc::exists, "the place of image " + name + " is taken");
  }
  directory.sync();
}

void Spool::discard() noexcept {
  try {
    // Only what is still ours by name: a writer that was taken for dead must not remove the
    // bytes of its successor.
    if (area_->names(id_.text(), file_)) area_->remove_file(id_.text());
  } catch (const std::exception& error) {
    spdlog::error("removing the spool of image {}: {}", id_.text(), error.what());
  }
}

}  // namespace glance
