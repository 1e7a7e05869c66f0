// SPDX-License-Identifier: Apache-2.0
#include "fusefs/write_handle.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "fusefs/process.h"

namespace glance::fs {

WriteHandle::WriteHandle(Catalog& catalog, Caller caller, ImageId id, Inode inode,
                         pid_t opener_thread, bool created)
    : catalog_(catalog),
      caller_(std::move(caller)),
      id_(std::move(id)),
      inode_(inode),
      opener_(process_of(opener_thread)),
      created_(created) {
  if (opener_) writers_.insert(*opener_);
}

std::shared_ptr<Upload> WriteHandle::begun(pid_t thread) {
  require_alive();
  note_writer(thread);
  if (upload_) return upload_;
  try {
    upload_ = catalog_.upload(
        caller_, id_,
        {.origin = UploadOrigin::mount, .owns_image = created_, .detect_format = true});
  } catch (const Error& error) {
    failure_ = error;
    throw;
  }
  return upload_;
}

void WriteHandle::require_alive() const {
  if (failure_) throw *failure_;
}

/// Remembers whose exit would tell that the data are not whole.
void WriteHandle::note_writer(pid_t thread) {
  if (!writer_threads_.insert(thread).second) return;
  if (const auto process = process_of(thread)) writers_.insert(*process);
}

void WriteHandle::write(std::uint64_t offset, std::span<const std::byte> bytes, pid_t thread) {
  MutexLock lock(mutex_);
  begun(thread)->write(offset, bytes);
  size_ = std::max(size_.load(), offset + bytes.size());
}

void WriteHandle::truncate(std::uint64_t size, pid_t thread) {
  MutexLock lock(mutex_);
  // open(O_TRUNC) of an image that has no data yet says nothing.
  if (size == 0 && !upload_) return;
  begun(thread)->truncate(size);
  size_ = size;
}

void WriteHandle::flush(pid_t thread, dev_t device) {
  MutexLock lock(mutex_);
  const auto process = process_of(thread);
  const auto code = exit_code(thread);
  if (code && *code != 0 && process && writers_.contains(*process)) return writer_died(*code);
  require_alive();
  if (!upload_) return;
  const bool opener_closes = process && opener_ && *process == *opener_;
  // Where it cannot be told whether the opener goes on writing, the release seals.
  if (opener_closes && has_descriptor(*process, inode_, device) == false) {
    upload_->seal();
  } else {
    upload_->check();
  }
}

void WriteHandle::writer_died(int code) {
  const std::string why = (code & 0x7f) != 0
                              ? "its writer was killed by signal " + std::to_string(code & 0x7f)
                              : "its writer exited with status " + std::to_string(code >> 8);
  if (failure_) return;
  failure_ = Error(Errc::io, "the upload of image " + id_.text() + " was discarded: " + why);
  if (upload_) {
    upload_->abandon(why);
    upload_.reset();
  } else if (created_) {
    spdlog::info("image {} is removed again: {}", id_.text(), why);
    catalog_.remove(caller_, id_);
  }
}

void WriteHandle::sync() {
  MutexLock lock(mutex_);
  require_alive();
  if (upload_) upload_->sync();
}

void WriteHandle::abandon() noexcept {
  MutexLock lock(mutex_);
  const auto upload = std::exchange(upload_, nullptr);
  try {
    if (upload && upload->acknowledged()) upload->publish();
  } catch (const std::exception& error) {
    spdlog::error("image {} was not published: {}", id_.text(), error.what());
  }
}

void WriteHandle::release() {
  MutexLock lock(mutex_);
  const auto upload = std::exchange(upload_, nullptr);
  if (upload && !failure_) upload->publish();
}

}  // namespace glance::fs
