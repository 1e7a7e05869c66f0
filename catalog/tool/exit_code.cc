// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/exit_code.h"

#include <array>

namespace glance::tool {

namespace {

constexpr auto kMeanings = std::to_array<ExitMeaning>({
    {ExitCode::ok, "done; check and scrub found nothing wrong"},
    {ExitCode::usage, "the call is wrong; nothing was touched"},
    {ExitCode::failure, "the system failed: no catalog, no space, I/O error, database locked"},
    {ExitCode::problems, "damage: check or scrub found some, or save met corrupt data"},
    {ExitCode::no_such_image, "no image has that name or id, or several have that name"},
    {ExitCode::refused, "the catalog refuses it: protected, no data, bad value, quota, digest"},
});

}  // namespace

std::span<const ExitMeaning> exit_meanings() noexcept {
  return kMeanings;
}

ExitCode exit_code_of(Errc code) noexcept {
  switch (code) {
    case Errc::exists:
    case Errc::conflict:
    case Errc::immutable:
    case Errc::forbidden:
    case Errc::protected_:
    case Errc::read_only_key:
    case Errc::deactivated:
    case Errc::not_ready:
    case Errc::invalid:
    case Errc::gone:
    case Errc::over_quota:
    case Errc::too_large:
    case Errc::mismatch:
    case Errc::unmet:
      return ExitCode::refused;
    case Errc::ambiguous:
      return ExitCode::no_such_image;
    case Errc::missing:
    case Errc::corrupt:
      return ExitCode::problems;
    // Also a catalog or a file: those who mean an image say so themselves (resolve_image()).
    case Errc::not_found:
    case Errc::read_only:
    case Errc::no_space:
    case Errc::unsupported:
    case Errc::unavailable:
    case Errc::busy:
    case Errc::io:
      return ExitCode::failure;
  }
  return ExitCode::failure;
}

}  // namespace glance::tool
