// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace glance::fs {

/// Gives the calling thread a descriptor table of its own in which there is nothing but the
/// standard streams and, under the number `device`, a clone of that FUSE device (FUSE_DEV_IOC_CLONE
/// in linux/fuse.h; an open file of its own on the same connection). For a thread that does nothing
/// but notify the kernel: it sees no other file of the process any more, and none that is opened
/// later.
///
/// Why: a notification may wait, deaf even to SIGKILL, for the lock of a directory whose holder
/// waits for our answer. When the process is killed the kernel ends such waits as it closes the
/// device, and closes it with the last thread that shares the descriptors. If that were the one
/// that waits, all three would wait for ever.
///
/// Where the kernel refuses a clone the device stays the shared one.
void own_the_device_alone(int device) noexcept;

}  // namespace glance::fs
