// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/stage.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "api-bridge/handlers/data_request.h"
#include "api-bridge/handlers/images.h"
#include "api-bridge/wire/conditional.h"
#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

class StageSink final : public BodySink {
 public:
  StageSink(std::unique_ptr<StagedUpload> upload, std::optional<std::uint64_t> announced)
      : upload_(std::move(upload)), announced_(announced) {}

  void write(std::span<const std::byte> bytes) override {
    received_ += bytes.size();
    if (received_ > announced_.value_or(received_)) refuse_size();
    upload_->write(bytes);
  }

  Response finish() override {
    if (received_ != announced_.value_or(received_)) refuse_size();
    (void)upload_->finish();
    return {.status = 204, .headers = {}, .body = {}};
  }

 private:
  [[noreturn]] void refuse_size() const {
    throw HttpError(
        400, fmt::format("Size mismatch: the data are not the {} bytes announced.", *announced_));
  }

  const std::unique_ptr<StagedUpload> upload_;
  const std::optional<std::uint64_t> announced_;  // bytes
  std::uint64_t received_ = 0;                    // bytes
};

void require_staging(const Config& config) {
  const auto& methods = config.enabled_import_methods;
  if (std::ranges::find(methods, "glance-direct") != methods.end()) return;
  throw HttpError(404, "'glance-direct' method is not available at this site.");
}

}  // namespace

std::unique_ptr<BodySink> stage_image_data(Catalog& catalog, const Request& request) {
  const auto& config = catalog.config();
  require_staging(config);
  require_octet_stream(request);
  require_whole_data(request);
  const auto id = requested_id(request);
  if (request.header("If-Match")) require_match(request, data_tag(find_image(catalog, request)));
  const auto announced = announced_size(request, config);
  return std::make_unique<StageSink>(catalog.stage(request.caller, id), announced);
}

}  // namespace glance::api
