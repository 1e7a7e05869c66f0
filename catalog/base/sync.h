// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

/// The lock order of the whole project, outermost first:
///
///   1. fs::PendingFile::mutex_       one file being written
///   2. Upload::mutex_                one upload
///   3. fs::ImageIndex::refresh_mutex_ one reader of the change feed
///   4. Database::Turn                one write transaction at a time in a process
///   5. leaves                        Digester, fs::ImageIndex, fs::OpenFiles, …
///
/// A leaf is never held across I/O or a call that takes another lock: copy a shared_ptr out,
/// unlock, then work. No lock is held while a FUSE reply is sent.

#if defined(__clang__)
#define GLANCE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define GLANCE_THREAD_ATTRIBUTE(x)
#endif

#define GUARDED_BY(mutex) GLANCE_THREAD_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(...) GLANCE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) GLANCE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace glance {

/// std::mutex with the annotations that clang's -Wthread-safety checks.
class GLANCE_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() GLANCE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() GLANCE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope. It has lock() and unlock() so that a std::condition_variable_any
/// can wait with it.
class GLANCE_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) GLANCE_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() GLANCE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() GLANCE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() GLANCE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

/// Lets go of a held lock for a scope. What the lock guards may have changed at its end.
class MutexUnlock {
 public:
  explicit MutexUnlock(MutexLock& lock) GLANCE_THREAD_ATTRIBUTE(no_thread_safety_analysis)
      : lock_(lock) {
    lock_.unlock();
  }
  ~MutexUnlock() GLANCE_THREAD_ATTRIBUTE(no_thread_safety_analysis) { lock_.lock(); }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;

 private:
  MutexLock& lock_;
};

}  // namespace glance
