#include "text.h"

#include <sys/random.h>

static uint64_t key[2];

__attribute__((constructor)) static void make_key(void) {
  // No way out but to stop: with a key that is known, anybody could have tokens and buckets collide.
  if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) __builtin_trap();
}

Text text_until(Text *rest, char mark) {
  if (rest->length == 0) return *rest;
  const char *found = memchr(rest->ptr, mark, rest->length);
  Text before = {rest->ptr, found ? (size_t)(found - rest->ptr) : rest->length};
  size_t taken = before.length + (found != NULL);
  *rest = (Text){rest->ptr + taken, rest->length - taken};
  return before;
}

bool has_word(Text list, Text word) {
  while (list.length) {
    if (same(text_until(&list, ' '), word)) return true;
  }
  return false;
}

bool read_number(Text text, int64_t *number) {
  if (text.length == 0 || text.length > 15) return false;
  int64_t read = 0;
  for (size_t at = 0; at < text.length; at++) {
    if (text.ptr[at] < '0' || text.ptr[at] > '9') return false;
    read = read * 10 + (text.ptr[at] - '0');
  }
  *number = read;
  return true;
}

char *write_number(char *to, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number);
  while (count) *to++ = digits[--count];
  return to;
}

static inline uint64_t rotated(uint64_t word, int by) { return (word << by) | (word >> (64 - by)); }

static inline void mix(uint64_t v[4]) {
  v[0] += v[1], v[1] = rotated(v[1], 13) ^ v[0], v[0] = rotated(v[0], 32);
  v[2] += v[3], v[3] = rotated(v[3], 16) ^ v[2];
  v[0] += v[3], v[3] = rotated(v[3], 21) ^ v[0];
  v[2] += v[1], v[1] = rotated(v[1], 17) ^ v[2], v[2] = rotated(v[2], 32);
}

static inline void take(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  mix(v), mix(v);
  v[0] ^= word;
}

uint64_t text_hash(Text text, uint64_t before) {
  uint64_t k0 = key[0] ^ before, k1 = key[1];
  uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  size_t whole = text.length & ~(size_t)7;
  uint64_t word = 0;
  for (size_t at = 0; at < whole; at += 8) {
    memcpy(&word, text.ptr + at, 8);
    take(v, word);
  }
  word = 0;
  if (text.length > whole) memcpy(&word, text.ptr + whole, text.length - whole);
  take(v, word | (uint64_t)text.length << 56);
  v[2] ^= 0xff;
  mix(v), mix(v), mix(v), mix(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
