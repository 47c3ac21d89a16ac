#include "tokens.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

// A token lies in one of the places of its set; where all are taken, the one goes that was asked for longest ago.
enum { SETS = 4096, PLACES = 4, LONGEST = 4096 };

typedef struct {
  uint64_t hash, keys, used;
  int64_t expires_s;
  Text authorization;
  Claims claims;
  char bytes[];
} Token;

static _Atomic uint64_t keys_in_use;
static _Thread_local Token *(*sets)[PLACES];
static _Thread_local uint64_t uses;
static _Thread_local const Token *let_in;  // the token of the request that is being routed

void use_keys(Text fingerprint) { atomic_store(&keys_in_use, text_hash(fingerprint, 0)); }

static int64_t now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec;
}

/// The hash of the last bytes: they are the signature's, which no two tokens share. Others with these bytes, that
/// somebody made up, are compared with the one that is kept and found to differ.
static uint64_t hash_of(Text authorization) {
  enum { LAST = 64 };
  size_t skipped = authorization.length > LAST ? authorization.length - LAST : 0;
  return text_hash((Text){authorization.ptr + skipped, authorization.length - skipped}, 0);
}

static bool is_valid(const Token *token) {
  return token->keys == atomic_load_explicit(&keys_in_use, memory_order_relaxed) && now_s() < token->expires_s;
}

static Token **place_of(Text authorization, uint64_t hash) {
  Token **set = sets[hash % SETS], **oldest = &set[0];
  for (size_t at = 0; at < PLACES; at++) {
    Token *token = set[at];
    if (token == NULL || (token->hash == hash && same(token->authorization, authorization))) return &set[at];
    if (token->used < (*oldest)->used) oldest = &set[at];
  }
  return oldest;
}

static Token *remembered(Text authorization) {
  if (sets == NULL || authorization.length == 0 || authorization.length > LONGEST) return NULL;
  uint64_t hash = hash_of(authorization);
  Token *token = *place_of(authorization, hash);
  bool found = token && token->hash == hash && same(token->authorization, authorization);
  return found ? token : NULL;
}

const Claims *known_token(Text authorization) {
  Token *token = remembered(authorization);
  let_in = token && is_valid(token) ? token : NULL;
  if (let_in == NULL) return NULL;
  token->used = ++uses;
  return &token->claims;
}

const Claims *routed_token(Text authorization) {
  const Token *token = remembered(authorization);
  bool passes = token && (token == let_in || is_valid(token));
  let_in = NULL;
  return passes ? &token->claims : NULL;
}

static Text copied(char **to, Text text) {
  Text copy = {*to, text.length};
  if (text.length) memcpy(*to, text.ptr, text.length);
  *to += text.length;
  return copy;
}

void remember_token(Text authorization, Claims claims, int64_t expires_s, Text fingerprint) {
  uint64_t keys = text_hash(fingerprint, 0), hash = hash_of(authorization);
  size_t size = authorization.length + claims.user.length + claims.tenant.length + claims.client.length;
  if (keys != atomic_load(&keys_in_use) || authorization.length > LONGEST || claims.scope.length > LONGEST) return;
  if (sets == NULL) sets = calloc(SETS, sizeof *sets);
  Token *token = sets ? malloc(sizeof *token + size + claims.scope.length) : NULL;
  if (token == NULL) return;
  char *to = token->bytes;
  *token = (Token){.hash = hash, .keys = keys, .used = ++uses, .expires_s = expires_s, .claims = claims};
  token->authorization = copied(&to, authorization);
  token->claims.user = copied(&to, claims.user);
  token->claims.tenant = copied(&to, claims.tenant);
  token->claims.client = copied(&to, claims.client);
  token->claims.scope = copied(&to, claims.scope);
  Token **place = place_of(authorization, hash);
  free(*place);
  *place = token;
}
