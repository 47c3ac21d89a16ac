// What the gateway app tells the module: of the edge as a whole, and of each route. Both are lines of words.
#pragma once

#include "buckets.h"

enum { TIERS = 3 };

/// How requests of a route may pass.
typedef enum {
  NOBODY,   // no request: a route that does not say who may pass
  OPEN,     // every request, uncounted: answers that the edge makes itself
  ADDRESS,  // every request, counted by the client's address
  TOKEN,    // with a token that jwt_authn has just let pass
  KNOWN,    // with a token that is remembered
} Passes;

typedef struct {
  Limit tenant, client;
} TierLimits;

/// A route:
///
///     passes known               or nobody, open, address, token
///     scope metadata.read
///     service metadata
///     address 100 200            requests a second, and at once
///     tier 0 20 40 10 20         free (1: standard, 2: premium): of a tenant, then of each of its clients
typedef struct {
  Passes passes;
  Text scope;
  uint64_t service_hash;
  Limit address;
  TierLimits tiers[TIERS];
  char text[];
} Route;

/// Reads a route; NULL where a line makes no sense. To be freed.
Route *read_route(Text lines);

typedef struct Standing Standing;

/// The edge as a whole:
///
///     keys 5f0c…                 the fingerprint of the keys that jwt_authn checks with
///     instances 2
///     unrouted 500 1000          all requests together that no service is behind
///     tenant acme 2              the tier of a tenant that is not of the standard one
///     bucket acme metadata 5 10 3 5
///                                a tenant's own in place of its tier's, then that of each of its clients
typedef struct {
  Text fingerprint;
  double share;
  Limit unrouted;
  Standing *standings;
  size_t number;
  char *text;
  size_t checked, limited, denied;
} Settings;

/// Reads the settings; NULL where a line makes no sense.
Settings *read_settings(Text lines);
void free_settings(Settings *settings);

/// The tenant's limits on a route.
TierLimits limits_of(const Settings *settings, const Route *route, uint64_t tenant_hash);
