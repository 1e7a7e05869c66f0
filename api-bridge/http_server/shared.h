// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/ssl/context.hpp>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/limits.h"
#include "api-bridge/http_server/observer.h"
#include "api-bridge/http_server/pending_handshakes.h"
#include "api-bridge/http_server/server.h"
#include "catalog/base/sync.h"

namespace glance::api {

class Connection;

/// Threads for what may block. Each kind has its own: readers must not queue behind writers that
/// wait for the database's one writer, nor image data behind either.
struct Pools {
  explicit Pools(std::size_t threads) : readers(threads), writers(threads), data(threads) {}

  WorkerPool readers;  ///< handlers of GET and HEAD
  WorkerPool writers;  ///< other handlers, and the ends of uploads
  WorkerPool data;     ///< pieces of uploads and downloads

  void stop();
};

/// What all connections of a server have in common.
struct Shared {
  const Router& router;
  const Identify identify;
  ServerObserver& observer;
  const ServerLimits limits;
  const FileRoute loopback_route;
  const std::optional<SiteGuard> site_guard;  ///< nothing: callers say who they are
  Pools& pools;
  PendingHandshakes handshakes;

  std::atomic<bool> stopping = false;
  std::atomic<bool> over = false;          ///< nothing runs any more
  std::atomic<std::size_t> running = 0;    ///< requests that are being answered
  const std::function<void()> on_drained;  ///< while stopping, when the last one has been

  Mutex mutex;                                                // leaf: see the lock order in sync.h
  std::shared_ptr<asio::ssl::context> tls GUARDED_BY(mutex);  // null: plain HTTP
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections GUARDED_BY(mutex);
};

}  // namespace glance::api
