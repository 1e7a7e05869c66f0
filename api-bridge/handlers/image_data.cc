// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/image_data.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "api-bridge/handlers/data_request.h"
#include "api-bridge/handlers/images.h"
#include "api-bridge/wire/conditional.h"
#include "api-bridge/wire/digest_fields.h"
#include "api-bridge/wire/disposition.h"
#include "api-bridge/wire/http_error.h"
#include "api-bridge/wire/range.h"

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
    // Too few bytes only show at the end, where the upload itself looks.
    if (announced_ && bytes.size() > *announced_ - received_) {
      throw HttpError(400, fmt::format("Size exceeds: there are more data than the {} bytes "
                                       "announced.",
                                       *announced_));
    }
    upload_->write(received_, bytes);
    received_ += bytes.size();
  }

  Response finish() override {
    (void)upload_->publish();
    finished_ = true;
    return {.status = 204, .headers = {}, .body = {}};
  }

 private:
  const std::shared_ptr<Upload> upload_;
  const std::optional<std::uint64_t> announced_;  // bytes
  std::uint64_t received_ = 0;                    // bytes
  bool finished_ = false;
};

std::shared_ptr<Upload> begin_upload(Catalog& catalog, const Request& request, const Image& image,
                                     Expectation expected) {
  try {
    return catalog.upload(request.caller, image.id,
                          {.origin = UploadOrigin::rest, .expected = std::move(expected)});
  } catch (const Error& error) {
    if (error.code() != Errc::conflict || image.status == ImageStatus::queued) throw;
    throw HttpError(409, fmt::format("Image status transition from {} to saving is not allowed",
                                     to_string(image.status)));
  }
}

/// Of all answers with the data, and of those that spare them.
Headers data_headers(const Image& image) {
  Headers headers = {{"Accept-Ranges", "bytes"}};
  if (const auto tag = data_tag(image)) headers.emplace_back("ETag", *tag);
  return headers;
}

Response slice_response(const Image& image, std::unique_ptr<BlobReader> reader,
                        std::optional<ByteRange> range) {
  const auto size = reader->size();
  Response response{.status = range ? 206 : 200, .headers = data_headers(image), .body = {}};
  auto& headers = response.headers;
  headers.emplace_back("Content-Type", "application/octet-stream");
  headers.emplace_back("Content-Disposition", attachment(image.name.value_or(""), image.id.text()));
  if (range) {
    headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range->offset,
                                                      range->offset + range->length - 1, size));
  }
  // In hexadecimal and of the whole image even beside a range: what clients of Glance check.
  if (image.checksum) headers.emplace_back("Content-MD5", *image.checksum);
  const auto slice = range.value_or(ByteRange{.offset = 0, .length = size});
  response.body = FileSlice{std::move(reader), slice.offset, slice.length};
  return response;
}

/// Null when the image has no data yet, or the store has lost them: Glance answers both alike.
std::unique_ptr<BlobReader> open_data(Catalog& catalog, const Request& request,
                                      const Image& image) {
  try {
    return catalog.open_data(request.caller, image.id);
  } catch (const Error& error) {
    if (error.code() == Errc::not_ready || error.code() == Errc::missing) return nullptr;
    throw;
  }
}

}  // namespace

std::unique_ptr<BodySink> upload_image_data(Catalog& catalog, const Request& request) {
  require_octet_stream(request);
  require_whole_data(request);
  auto expected = announced_digests(request, catalog.config().hashing_algorithm);
  expected.size = announced_size(request, catalog.config());
  const auto image = find_image(catalog, request);
  require_match(request, data_tag(image));
  require_known_store(request, catalog.config());
  const auto announced = expected.size;
  return std::make_unique<UploadSink>(begin_upload(catalog, request, image, std::move(expected)),
                                      announced);
}

Response download_image_data(Catalog& catalog, const Request& request) {
  auto image = find_image(catalog, request);
  auto reader = open_data(catalog, request, image);
  if (!reader) return {.status = 204, .headers = {}, .body = {}};
  // It turned active between the two looks: only now it has its digests.
  if (!image.size) image = find_image(catalog, request);
  const auto tag = data_tag(image);
  if (is_not_modified(request, tag)) {
    return {.status = 304, .headers = data_headers(image), .body = {}};
  }
  // RFC 9110 § 14.2 knows ranges of GET only.
  const bool wants_range = request.method == "GET" && range_applies(request, tag);
  const auto range = wants_range ? requested_range(request, reader->size()) : std::nullopt;
  return slice_response(image, std::move(reader), range);
}

}  // namespace glance::api
