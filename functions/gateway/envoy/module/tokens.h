// The tokens that Envoy's own token check (jwt_authn) has let pass on this worker, and what they say.
//
// A token is known by every byte of its Authorization header, for as long as it is valid and the keys that it was
// checked with are in use. Nothing here checks a signature: a token that is not known goes to jwt_authn.
#pragma once

#include "text.h"

/// Says the token's tenant: to the service, and, when the token is known, to the routes.
#define TENANT_HEADER TEXT("x-platform-tenant")

/// What a checked token says, with the hashes by which its buckets are found.
typedef struct {
  Text user, tenant, client, scope;
  uint64_t tenant_hash, client_hash;
} Claims;

/// The claims of a known token; NULL for one that jwt_authn must see. Valid until the hook returns.
const Claims *known_token(Text authorization);

/// The same for the request that `known_token` was last asked for on this worker: it has taken the route for known
/// tokens, and still passes where the keys have changed or the token's last second has gone by in between.
const Claims *routed_token(Text authorization);

/// Remembers a token that jwt_authn has let pass with the keys of that fingerprint, until it expires (Unix seconds).
/// One that was checked with keys which are no longer in use is not remembered, nor is a header over 4 KiB.
void remember_token(Text authorization, Claims claims, int64_t expires_s, Text fingerprint);

/// From now on these keys are in use, by their fingerprint; tokens checked with others are forgotten, by all workers.
void use_keys(Text fingerprint);
