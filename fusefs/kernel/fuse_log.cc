// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/fuse_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include <spdlog/spdlog.h>

#include "fusefs/kernel/libfuse.h"

namespace glance::fs {
namespace {

spdlog::level::level_enum level_of(fuse_log_level level) {
  if (level <= FUSE_LOG_ERR) return spdlog::level::err;
  if (level == FUSE_LOG_WARNING) return spdlog::level::warn;
  return level == FUSE_LOG_DEBUG ? spdlog::level::debug : spdlog::level::info;
}

__attribute__((format(printf, 2, 0))) void log_for_fuse(fuse_log_level level, const char* format,
                                                        std::va_list values) {
  std::array<char, 1024> buffer{};
  std::vsnprintf(buffer.data(), buffer.size(), format, values);
  std::string_view text(buffer.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::log(level_of(level), "{}", text);
}

}  // namespace

void take_fuse_log() {
  fuse_set_log_func(log_for_fuse);
}

}  // namespace glance::fs
