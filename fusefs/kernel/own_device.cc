// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/own_device.h"

#include <cstdint>

#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace glance::fs {

namespace {

// By syscall(2): the sanitizers believe that a number is the same file in every thread.

void put_a_clone_in_place_of(int device) noexcept {
  const auto clone =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/dev/fuse", O_RDWR | O_CLOEXEC));
  auto source = static_cast<std::uint32_t>(device);
  if (clone < 0 || ::ioctl(clone, FUSE_DEV_IOC_CLONE, &source) != 0) return;
  ::syscall(SYS_dup3, clone, device, O_CLOEXEC);
}

void close_all_but(int device) noexcept {
  const auto kept = static_cast<unsigned>(device);
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  if (kept > kFirst) ::syscall(SYS_close_range, kFirst, kept - 1, 0);
  ::syscall(SYS_close_range, kept + 1, ~0U, 0);
}

}  // namespace

void own_the_device_alone(int device) noexcept {
  if (::unshare(CLONE_FILES) != 0) return;
  put_a_clone_in_place_of(device);
  close_all_but(device);
}

}  // namespace glance::fs
