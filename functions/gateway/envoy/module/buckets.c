#include "buckets.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

// A bucket lies in one of the places of its set; where all are taken, the one goes that was counted in longest ago: it
// has had the most time to be full again.
enum { SETS = 32768, PLACES = 8 };

/// `level` is the part of the bucket that is full, so that it stays right when the number of instances changes.
typedef struct {
  uint64_t hash;
  int64_t at_ms;
  double level;
  Limit limit;
} Kept;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Kept sets[SETS][PLACES];  // pages that no bucket lies in take no memory

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static double capacity_of(Limit limit, double share) { return fmax(1, limit.burst * share); }

static Kept *kept(const Bucket *bucket, double share, int64_t now) {
  Kept *set = sets[(bucket->hash >> 1) % SETS], *found = &set[0];
  for (size_t at = 0; at < PLACES; at++) {
    if (set[at].hash == bucket->hash) {
      found = &set[at];
      break;
    }
    if (set[at].at_ms < found->at_ms) found = &set[at];
  }
  if (found->hash != bucket->hash || found->limit.rate != bucket->limit.rate ||
      found->limit.burst != bucket->limit.burst) {
    *found = (Kept){bucket->hash, now, 1, bucket->limit};
  }
  double filled = (double)(now - found->at_ms) / 1000 * bucket->limit.rate * share / capacity_of(bucket->limit, share);
  found->level = fmin(1, found->level + fmax(0, filled));
  found->at_ms = now;
  return found;
}

static Counted said(const Bucket *bucket, double tokens, double share, bool admitted) {
  double wait_s = tokens >= 1 ? 0 : ceil((1 - tokens) / (bucket->limit.rate * share));
  return (Counted){admitted, (uint64_t)bucket->limit.burst, (uint64_t)fmax(0, tokens), (uint64_t)fmin(wait_s, 86400)};
}

Counted count_request(const Bucket *buckets, size_t number, double share) {
  Kept *found[4] = {NULL};
  Counted least = {.admitted = true, .left = UINT64_MAX};
  pthread_mutex_lock(&lock);
  int64_t now = now_ms();  // not before: a bucket's time would go back, and it would be filled twice
  for (size_t at = 0; at < number && at < 4 && least.admitted; at++) {
    if (buckets[at].hash == 0) continue;
    found[at] = kept(&buckets[at], share, now);
    double tokens = found[at]->level * capacity_of(buckets[at].limit, share);
    // What a request takes may be missing by what doubles can't hold.
    bool admitted = tokens >= 1 - 1e-9;
    Counted this = said(&buckets[at], admitted ? fmax(0, tokens - 1) : tokens, share, admitted);
    if (!admitted || this.left < least.left) least = this;
  }
  for (size_t at = 0; least.admitted && at < 4; at++) {
    if (found[at]) found[at]->level -= 1 / capacity_of(buckets[at].limit, share);
  }
  pthread_mutex_unlock(&lock);
  return least;
}
