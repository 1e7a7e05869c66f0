// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api-bridge/wire/http.h"
#include "catalog/model/image.h"

namespace glance::api {

/// The Cache-Control of what depends on who asks.
inline constexpr const char* kOfOneCaller = "private";

/// A strong entity tag, quotes included. `opaque` holds visible ASCII without quotes.
[[nodiscard]] std::string entity_tag(std::string_view opaque);

/// A strong entity tag for a text: another text has another one.
[[nodiscard]] std::string entity_tag_of(std::string_view text);

/// What names this very state of an image's data, which never change: from their checksum. Nothing
/// while there is none.
[[nodiscard]] std::optional<std::string> data_tag(const Image& image);

/// Whether If-Match is absent, or names `tag` by strong comparison; `*` matches nothing too.
[[nodiscard]] bool is_matched(const Request& request, const std::optional<std::string>& tag);

/// Throws HttpError 412 unless is_matched().
void require_match(const Request& request, const std::optional<std::string>& tag);

/// What a request's preconditions (RFC 9110 § 13) make of a GET or HEAD of something that exists.
/// True: the client has it already, and 304 is the answer. `tag` is nothing where there is none.
/// Throws HttpError 412, when If-Match names other tags.
[[nodiscard]] bool is_not_modified(const Request& request, const std::optional<std::string>& tag);

/// Whether a Range counts: there is no If-Range, or it names this very state.
[[nodiscard]] bool range_applies(const Request& request, const std::optional<std::string>& tag);

/// A handler's 200 with a text as body gets that text's tag; 304 without a body if the client has
/// it.
[[nodiscard]] Response tagged(const Request& request, Response response);

}  // namespace glance::api
