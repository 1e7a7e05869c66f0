// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace glance::api {

/// Why a request is not answered.
struct HeadFault {
  int status = 400;
  std::string_view text;
};

/// What makes a request's head unfit to be answered, or nothing. `head` is the raw text from the
/// request line to the empty line that ends it.
///
/// Refuses what the parser of Beast 1.81 lets pass although two readers could understand it
/// differently (request smuggling, RFC 9112 § 5.2, 6.1, 6.3 and 3.2): folded lines, bare CR or
/// LF, repeated or non-numeric Content-Length, any Transfer-Encoding but a single `chunked`, one
/// in HTTP/1.0 or beside a Content-Length, a missing, repeated or malformed Host, control
/// characters. 501 for transfer codings below `chunked` that we do not know, else 400.
[[nodiscard]] std::optional<HeadFault> head_fault(std::string_view head);

/// The x of a request line that ends in ` HTTP/1.x`. RFC 9110 § 2.5 wants all beyond 1.1 understood
/// as 1.1.
[[nodiscard]] std::optional<unsigned> minor_version(std::string_view request_line) noexcept;

/// Whether the text could be the value of a Host field: a name or an address, and a port.
[[nodiscard]] bool is_host(std::string_view text) noexcept;

}  // namespace glance::api
