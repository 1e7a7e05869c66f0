// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "catalog/catalog.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/daemon/mount_namespace.h"

namespace glance::fs {

/// A FUSE mount of the catalog: libfuse's session, the callbacks that unpack a request, call
/// Filesystem and reply, the thread that keeps the kernel's caches true, and the one that waits for
/// the signals to end. The only part that knows libfuse.
class Mount {
 public:
  /// Mounts. Requests are answered from run() on. The catalog must outlive it. From here on
  /// SIGTERM, SIGINT and SIGHUP are taken by run().
  /// Error: StartFailure, with the reason that libfuse or fusermount3 gives.
  Mount(Catalog& catalog, const Invocation& invocation, MountNamespace name_space);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  /// Serves until the filesystem is unmounted, or a signal to end comes: then no upload begins any
  /// more, those that run get the time of `drain=`, and the filesystem is unmounted; a second
  /// signal cuts the wait short. What close(2) has acknowledged is published then, what is not
  /// sealed is taken back.
  /// `on_end` is called once, when the end begins. Error: io.
  void run(const std::function<void()>& on_end);

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace glance::fs
