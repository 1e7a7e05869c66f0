// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "catalog/model/caller.h"
#include "catalog/store/store.h"

namespace glance::api {

/// Header fields in the order of the wire; names compare without regard to case.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// Query parameters in the order of the wire, decoded; repetitions are kept.
using Query = std::vector<std::pair<std::string, std::string>>;

/// A request target taken apart. A segment may hold any character, a `/` too: splitting comes
/// before decoding.
struct Target {
  /// Decoded segments; `/v2/` is {"v2", ""}, `/` is {""}, `//v2//images` is {"v2", "images"}.
  std::vector<std::string> path;
  Query query;
};

/// Decodes a request target in origin, absolute or asterisk form. A `%` that starts no escape
/// stays as it is, as in Glance. Nothing when it is of no such form, or when what it decodes to
/// is not UTF-8 or holds a NUL.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

/// The authority of a target in absolute form, `host:port` of `http://host:port/path`; nothing for
/// other forms.
[[nodiscard]] std::optional<std::string_view> target_authority(std::string_view target);

/// Percent-encodes as application/x-www-form-urlencoded does, a space becoming `+`.
[[nodiscard]] std::string encode_query_value(std::string_view text);

/// Whether a token may hold it: the name of a method or a field (RFC 9110 § 5.6.2).
[[nodiscard]] bool is_token_character(char c) noexcept;

/// A decimal number of digits alone; nothing when it is none or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept;

/// How deep a JSON body may be nested, unless the configuration says otherwise.
inline constexpr std::size_t kJsonDepth = 64;

/// One request as handlers see it. A value: nothing in it refers to the connection.
struct Request {
  std::string method;
  std::string target;  ///< as the client sent it
  std::vector<std::string> path;
  Query query;
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  std::string body;                     ///< of buffered routes only
  std::size_t json_depth = kJsonDepth;  ///< how deep it may be nested
  std::string peer;                     ///< the client's address
  std::string request_id;               ///< `req-…`: the client's, else one of ours
  std::string base_url;                 ///< what the client called us, e.g. http://127.0.0.1:9292
  Caller caller;
  std::map<std::string, std::string, std::less<>> parameters;  ///< named by the route's pattern

  /// The field's value, or nothing if it is absent; of several the first.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;

  /// What the pattern's `{name}` stood for. The route's pattern must have it.
  [[nodiscard]] const std::string& parameter(std::string_view name) const;

  /// As Glance sees it: a chunked body counts where the method asks for one.
  [[nodiscard]] bool has_body() const noexcept {
    const bool may_be_chunked = method == "POST" || method == "PUT" || method == "PATCH";
    return (is_chunked && may_be_chunked) || content_length.value_or(0) > 0;
  }
};

/// A part of an image's data, to be sent as a response's body.
struct FileSlice {
  std::unique_ptr<BlobReader> reader;
  std::uint64_t offset = 0;  ///< bytes
  std::uint64_t length = 0;  ///< bytes
};

/// What a handler answers. Framing (Content-Length, Connection, Date) is the server's.
struct Response {
  int status = 200;
  Headers headers;
  std::variant<std::string, FileSlice> body;
};

/// 200 with a JSON text, or another status.
[[nodiscard]] Response json_response(std::string body, int status = 200);

/// Takes the body of a request that is too large to be buffered. Used by one thread at a time.
/// Destruction without finish() takes back what was begun.
class BodySink {
 public:
  virtual ~BodySink() = default;

  /// Blocks on disk; throws Error or HttpError, after which only destruction is left.
  virtual void write(std::span<const std::byte> bytes) = 0;

  /// The body is complete: makes it count and answers the request.
  virtual Response finish() = 0;
};

}  // namespace glance::api
