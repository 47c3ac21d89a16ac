// Token buckets, shared by all workers of this Envoy. An edge of N instances gives each a part of 1/N.
#pragma once

#include "text.h"

/// How many requests a second a bucket is filled by, and how many it holds.
typedef struct {
  double rate, burst;
} Limit;

/// What a request's answer says: of its buckets, the one with the least in it.
typedef struct {
  bool admitted;
  uint64_t size, left, wait_s;
} Counted;

/// A bucket that a request is counted in: by its hash, of which 0 stands for no bucket.
typedef struct {
  uint64_t hash;
  Limit limit;
} Bucket;

/// Counts a request in all of the buckets, or in none of them when one is empty. `share` is this instance's part.
Counted count_request(const Bucket *buckets, size_t number, double share);
