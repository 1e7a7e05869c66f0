// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/images.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api-bridge/handlers/discovery.h"
#include "api-bridge/handlers/image_request.h"
#include "api-bridge/handlers/json_patch.h"
#include "api-bridge/handlers/list_query.h"
#include "api-bridge/wire/conditional.h"
#include "api-bridge/wire/http_error.h"
#include "catalog/model/image_json.h"

namespace glance::api {
namespace {

// Of a page's properties, tags and locations, in bytes. Pages of ordinary images have a tenth of
// it; many pages at once, of the largest images that there may be, must fit into memory.
constexpr std::uint64_t kPageSize = std::uint64_t{4} * 1024 * 1024;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

[[noreturn]] void refuse_missing(const Request& request) {
  throw HttpError(404, fmt::format("No image found with ID {}", request.parameter("image_id")));
}

/// If-Match as a condition of a change. The tag may be the image's own, which changes with every
/// change of it, or that of its data.
Precondition match_of(const Catalog& catalog, const Request& request) {
  if (!request.header("If-Match")) return {};
  return [&](const Image& image) {
    if (is_matched(request, data_tag(image))) return true;
    return is_matched(request,
                      entity_tag_of(image_to_json(image, request.caller, catalog.config())));
  };
}

/// Looks at the image when it is asked first.
IsShown shown_by_image(Catalog& catalog, const Request& request) {
  return [&catalog, &request, shown = std::optional<nlohmann::json>()](
             const std::string& name, const nlohmann::json& value) mutable {
    if (!shown) {
      const auto id = ImageId::parse(request.parameter("image_id"));
      const auto image = id ? catalog.find(request.caller, *id) : std::nullopt;
      shown = image ? nlohmann::json::parse(image_to_json(*image, request.caller, catalog.config()))
                    : nlohmann::json::object();
    }
    const auto found = shown->find(name);
    return found != shown->end() && *found == value;
  };
}

}  // namespace

ImageId requested_id(const Request& request) {
  auto id = ImageId::parse(request.parameter("image_id"));
  if (!id) refuse_missing(request);
  return *std::move(id);
}

Image find_image(Catalog& catalog, const Request& request) {
  auto image = catalog.find(request.caller, requested_id(request));
  if (!image) refuse_missing(request);
  return *std::move(image);
}

Response list_images(Catalog& catalog, const Request& request) {
  const auto query = parse_list_query(request.query, catalog.config());
  const auto [images, is_cut] = catalog.list_page(request.caller, query, kPageSize);

  std::string body = R"({"images": [)";
  const std::string_view separator = ", ";
  for (const auto& image : images) {
    const auto text = image_to_json(image, request.caller, catalog.config());
    if (&image == &images.front()) {
      // The others are about as long: a page of many should not grow and move again and again.
      body.reserve((text.size() + text.size() / 8) * images.size());
    } else {
      body += separator;
    }
    body += text;
  }
  body += fmt::format(R"(], "first": {})", quoted(first_page_link(request.query)));
  if (!images.empty() && (images.size() == query.limit || is_cut)) {
    body += fmt::format(R"(, "next": {})", quoted(next_page_link(request.query, images.back().id)));
  }
  body += R"(, "schema": "/v2/schemas/images"})";
  return json_response(std::move(body));
}

Response create_image(Catalog& catalog, const Request& request) {
  const auto draft = parse_image_draft(request.body, request.json_depth);
  const auto image = catalog.add(request.caller, draft);
  auto response = json_response(image_to_json(image, request.caller, catalog.config()), 201);
  response.headers.emplace_back(
      "Location",
      fmt::format("{}/v2/images/{}", public_url(catalog.config(), request), image.id.text()));
  if (catalog.config().enabled_backends) {
    response.headers.emplace_back("OpenStack-image-store-ids", catalog.config().store_id);
  }
  return response;
}

Response show_image(Catalog& catalog, const Request& request) {
  return json_response(
      image_to_json(find_image(catalog, request), request.caller, catalog.config()));
}

Response update_image(Catalog& catalog, const Request& request) {
  const auto dialect = patch_dialect(request.header("Content-Type").value_or(""));
  const auto edits =
      parse_patch(request.body, dialect, shown_by_image(catalog, request), request.json_depth);
  try {
    const auto image =
        catalog.patch(request.caller, requested_id(request), edits, match_of(catalog, request));
    return json_response(image_to_json(image, request.caller, catalog.config()));
  } catch (const Error& error) {
    const bool is_conflict = error.code() == Errc::conflict || error.code() == Errc::exists;
    if (!is_conflict || error.words() == Error::Words::foreign) throw;
    throw HttpError(409, "There was a conflict when trying to complete your request.",
                    error.what());
  }
}

Response delete_image(Catalog& catalog, const Request& request) {
  const auto missing = [&request] {
    return HttpError(
        404, fmt::format("Failed to find image {} to delete", request.parameter("image_id")));
  };
  const auto id = ImageId::parse(request.parameter("image_id"));
  if (!id) throw missing();
  try {
    catalog.remove(request.caller, *id, match_of(catalog, request));
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) throw missing();
    throw;
  }
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace glance::api
