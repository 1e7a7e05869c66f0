// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "catalog/catalog.h"
#include "fusefs/mount_options.h"

namespace glance::fs {

/// A FUSE mount of the catalog: libfuse's session, the callbacks that unpack a request, call
/// Filesystem and reply, and the thread that keeps the kernel's caches true. The only part that
/// knows libfuse.
class Mount {
 public:
  /// Mounts. Requests are answered from run() on. Error: io, with libfuse's reason on stderr.
  Mount(Catalog& catalog, const Invocation& invocation);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  /// Serves until the filesystem is unmounted or SIGTERM, SIGINT or SIGHUP comes; then unmounts.
  /// Uploads that are not sealed are taken back.
  void run();

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace glance::fs
