// Bytes by pointer and length: comparing, reading words and numbers, hashing with a key that nobody outside knows.
#pragma once

#include <string.h>

#include "envoy_abi.h"

#define TEXT(literal) ((Text){literal, sizeof(literal) - 1})

static inline bool same(Text left, Text right) {
  return left.length == right.length && (left.length == 0 || memcmp(left.ptr, right.ptr, left.length) == 0);
}

static inline bool begins(Text text, Text with) {
  return text.length >= with.length && memcmp(text.ptr, with.ptr, with.length) == 0;
}

/// Takes the text before the first `mark` off the rest; all of it where there is no such mark.
Text text_until(Text *rest, char mark);

/// Whether the word is one of those in the list, which are separated by spaces.
bool has_word(Text list, Text word);

/// Reads a whole decimal number of at most 15 digits; false for anything else.
bool read_number(Text text, int64_t *number);

/// Writes a number at `to` (20 bytes at most) and gives the place after it.
char *write_number(char *to, uint64_t number);

/// SipHash-2-4 of the text (J.-P. Aumasson, D. J. Bernstein, 2012), with a key made when the module is loaded. `before`
/// is the hash of what comes before it; 0 at the beginning.
uint64_t text_hash(Text text, uint64_t before);
