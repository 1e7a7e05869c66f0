// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glance {

/// What stands between a URL's scheme and the rest.
inline constexpr std::string_view kSchemeEnd = "://";

/// The URL of a SQLite database; the path is made absolute.
[[nodiscard]] std::string sqlite_url(const std::filesystem::path& path);

/// The path of a canonical URL.
[[nodiscard]] std::filesystem::path sqlite_path(const std::string& url);

/// The URL as the catalog's database wants it: an absolute path, since a daemon changes its working
/// directory, and nothing behind it. Errors: invalid, unsupported.
[[nodiscard]] std::string canonical_database_url(std::string_view url);

}  // namespace glance
