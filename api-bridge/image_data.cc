// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/image_data.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "api-bridge/data_request.h"
#include "api-bridge/http_error.h"
#include "api-bridge/images.h"
#include "api-bridge/range.h"

namespace glance::api {
namespace {

/// An upload in the shape of a request's body.
class UploadSink final : public BodySink {
 public:
  UploadSink(std::shared_ptr<Upload> upload, std::optional<std::uint64_t> announced)
      : upload_(std::move(upload)), announced_(announced) {}

  UploadSink(const UploadSink&) = delete;
  UploadSink& operator=(const UploadSink&) = delete;

  ~UploadSink() override {
    if (!finished_) upload_->abandon("the request ended before its data did");
  }

  void write(std::span<const std::byte> bytes) override {
    if (announced_ && bytes.size() > *announced_ - received_) refuse_size();
    upload_->write(received_, bytes);
    received_ += bytes.size();
  }

  Response finish() override {
    if (announced_ && received_ != *announced_) refuse_size();
    (void)upload_->publish();
    finished_ = true;
    return {.status = 204, .headers = {}, .body = {}};
  }

 private:
  [[noreturn]] void refuse_size() const {
    throw HttpError(
        400, fmt::format("Size mismatch: the data are not the {} bytes announced.", *announced_));
  }

  const std::shared_ptr<Upload> upload_;
  const std::optional<std::uint64_t> announced_;  // bytes
  std::uint64_t received_ = 0;                    // bytes
  bool finished_ = false;
};

std::shared_ptr<Upload> begin_upload(Catalog& catalog, const Request& request, const Image& image) {
  try {
    return catalog.upload(request.caller, image.id, {.origin = UploadOrigin::rest});
  } catch (const Error& error) {
    if (error.code() != Errc::conflict || image.status == ImageStatus::queued) throw;
    throw HttpError(409, fmt::format("Image status transition from {} to saving is not allowed",
                                     to_string(image.status)));
  }
}

Response slice_response(const Image& image, std::unique_ptr<BlobReader> reader,
                        std::optional<ByteRange> range) {
  const auto size = reader->size();
  Response response{.status = range ? 206 : 200,
                    .headers = {{"Content-Type", "application/octet-stream"}},
                    .body = {}};
  if (range) {
    response.headers.emplace_back(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", range->offset, range->offset + range->length - 1, size));
  }
  // In hexadecimal and of the whole image even beside a range: what clients of Glance check.
  if (image.checksum) response.headers.emplace_back("Content-MD5", *image.checksum);
  const auto slice = range.value_or(ByteRange{.offset = 0, .length = size});
  response.body = FileSlice{std::move(reader), slice.offset, slice.length};
  return response;
}

/// Null when the image has no data yet.
std::unique_ptr<BlobReader> open_data(Catalog& catalog, const Request& request,
                                      const Image& image) {
  try {
    return catalog.open_data(request.caller, image.id);
  } catch (const Error& error) {
    if (error.code() == Errc::not_ready) return nullptr;
    throw;
  }
}

}  // namespace

std::unique_ptr<BodySink> upload_image_data(Catalog& catalog, const Request& request) {
  require_octet_stream(request);
  const auto image = find_image(catalog, request);
  const auto announced = announced_size(request, catalog.config());
  require_known_store(request, catalog.config());
  return std::make_unique<UploadSink>(begin_upload(catalog, request, image), announced);
}

Response download_image_data(Catalog& catalog, const Request& request) {
  const auto image = find_image(catalog, request);
  auto reader = open_data(catalog, request, image);
  if (!reader) return {.status = 204, .headers = {}, .body = {}};
  const auto range = requested_range(request, reader->size());
  return slice_response(image, std::move(reader), range);
}

}  // namespace glance::api
