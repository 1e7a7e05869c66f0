// SPDX-License-Identifier: Apache-2.0
#pragma once

// libfuse's interface, of the version that we are written for.
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
