# SPDX-License-Identifier: Apache-2.0
"""Plumbing of the tests; no test lives here."""
