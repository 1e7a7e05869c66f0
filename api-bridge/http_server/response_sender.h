// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api-bridge/http_server/asio.h"
#include "api-bridge/http_server/deadline.h"
#include "api-bridge/http_server/file_transfer.h"
#include "api-bridge/http_server/limits.h"
#include "api-bridge/http_server/observer.h"
#include "api-bridge/http_server/stream.h"
#include "api-bridge/wire/body_pace.h"
#include "api-bridge/wire/http.h"
#include "api-bridge/wire/response_head.h"

namespace glance::api {

/// Writes responses to a connection: image data straight from their file where there is a
/// descriptor and no TLS. All that it is given must outlive it.
class ResponseSender {
 public:
  /// Reading a file that is not in memory blocks: `pool` is where that happens.
  ResponseSender(Stream& stream, Deadline& deadline, const ServerLimits& limits, FileRoute route,
                 WorkerPool& pool, ServerObserver& observer);

  /// The whole response; of one to a HEAD, and of one whose status has no body, the head only.
  /// Throws ConnectionLost, also when the peer takes the bytes too slowly; Error if the image's
  /// data cannot be read to their end. Either way the connection is of no more use.
  awaitable<void> send(const Response& response, const Framing& framing, bool head_only);

  awaitable<void> write(std::string_view bytes);

  /// Counts from nothing again.
  void begin_answer() noexcept { body_sent_ = 0; }

  /// Bytes of the answer's body that were sent.
  [[nodiscard]] std::uint64_t body_sent() const noexcept { return body_sent_; }

 private:
  awaitable<void> write_some(std::string_view& bytes);
  awaitable<void> wait_writable();
  awaitable<void> send_text(std::string head, const std::string& body);
  void count(std::uint64_t bytes);
  awaitable<void> send_slice(const FileSlice& slice);
  awaitable<int> stay_on_pool(FileTransfer& transfer);
  awaitable<void> send_copied(const FileSlice& slice);

  Stream& stream_;
  Deadline& deadline_;
  const ServerLimits& limits_;
  const FileRoute route_;
  WorkerPool& pool_;
  ServerObserver& observer_;
  BodyPace pace_;
  std::uint64_t body_sent_ = 0;
};

}  // namespace glance::api
