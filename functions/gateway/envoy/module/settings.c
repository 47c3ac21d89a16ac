#include "settings.h"

#include <stdlib.h>

enum { STANDARD = 1, ANY = 0 };

/// A tenant's tier, where `service_hash` is ANY, or its own bucket with a service, and its clients'.
struct Standing {
  uint64_t tenant_hash, service_hash;
  int64_t tier;
  TierLimits own;
};

static bool read_limit(Text *words, Limit *limit) {
  int64_t rate, burst;
  if (!read_number(text_until(words, ' '), &rate) || !read_number(text_until(words, ' '), &burst)) return false;
  *limit = (Limit){(double)rate, (double)burst};
  return rate > 0 && burst > 0;
}

/// Reads a name by its hash; false where there is none.
static bool read_name(Text name, uint64_t *hash) {
  *hash = text_hash(name, 0);
  return name.length > 0;
}

/// Reads a tenant's limit and that of each of its clients; false where there is more or less.
static bool read_limits(Text words, TierLimits *limits) {
  return read_limit(&words, &limits->tenant) && read_limit(&words, &limits->client) && words.length == 0;
}

static bool read_tier(Text *words, int64_t *tier) {
  return read_number(text_until(words, ' '), tier) && *tier < TIERS;
}

static bool read_passes(Text word, Passes *passes) {
  static const Text names[] = {TEXT("nobody"), TEXT("open"), TEXT("address"), TEXT("token"), TEXT("known")};
  for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
    if (same(word, names[at])) return *passes = (Passes)at, true;
  }
  return false;
}

static bool read_route_line(Route *route, Text words) {
  Text kind = text_until(&words, ' ');
  int64_t tier;
  if (same(kind, TEXT("passes"))) return read_passes(words, &route->passes);
  if (same(kind, TEXT("scope"))) return (route->scope = words).length > 0;
  if (same(kind, TEXT("service"))) return read_name(words, &route->service_hash);
  if (same(kind, TEXT("address"))) return read_limit(&words, &route->address) && words.length == 0;
  if (!same(kind, TEXT("tier")) || !read_tier(&words, &tier)) return false;
  return read_limits(words, &route->tiers[tier]);
}

static bool is_complete(const Route *route) {
  if (route->passes == NOBODY || route->passes == OPEN) return true;
  if (route->service_hash == 0) return false;
  if (route->passes == ADDRESS) return route->address.rate > 0;
  for (size_t tier = 0; tier < TIERS; tier++) {
    if (route->tiers[tier].client.rate <= 0) return false;
  }
  return route->scope.length > 0;
}

Route *read_route(Text lines) {
  Route *route = calloc(1, sizeof *route + lines.length + 1);
  if (route == NULL) return NULL;
  if (lines.length) memcpy(route->text, lines.ptr, lines.length);
  for (Text rest = {route->text, lines.length}; rest.length;) {
    if (read_route_line(route, text_until(&rest, '\n'))) continue;
    free(route);
    return NULL;
  }
  if (is_complete(route)) return route;
  free(route);
  return NULL;
}

static bool read_standing(Settings *settings, Text words, bool own) {
  Standing *standing = &settings->standings[settings->number++];
  *standing = (Standing){.service_hash = ANY};
  if (!read_name(text_until(&words, ' '), &standing->tenant_hash)) return false;
  if (!own) return read_tier(&words, &standing->tier) && words.length == 0;
  if (!read_name(text_until(&words, ' '), &standing->service_hash)) return false;
  Text tenants = words;
  // With two numbers, as of a gateway that knows no better, its clients have their tier's.
  return (read_limit(&tenants, &standing->own.tenant) && tenants.length == 0) || read_limits(words, &standing->own);
}

static bool read_settings_line(Settings *settings, Text words) {
  Text kind = text_until(&words, ' ');
  int64_t instances;
  if (same(kind, TEXT("keys"))) return (settings->fingerprint = words).length > 0;
  if (same(kind, TEXT("unrouted"))) return read_limit(&words, &settings->unrouted) && words.length == 0;
  if (same(kind, TEXT("tenant"))) return read_standing(settings, words, false);
  if (same(kind, TEXT("bucket"))) return read_standing(settings, words, true);
  if (!same(kind, TEXT("instances")) || !read_number(words, &instances) || instances < 1) return false;
  settings->share = 1 / (double)instances;
  return true;
}

static int by_hashes(const void *left, const void *right) {
  const Standing *a = left, *b = right;
  if (a->tenant_hash != b->tenant_hash) return a->tenant_hash < b->tenant_hash ? -1 : 1;
  return (a->service_hash > b->service_hash) - (a->service_hash < b->service_hash);
}

static size_t lines_in(Text text) {
  size_t number = 1;
  for (size_t at = 0; at < text.length; at++) number += text.ptr[at] == '\n';
  return number;
}

Settings *read_settings(Text lines) {
  Settings *settings = calloc(1, sizeof *settings);
  if (settings == NULL) return NULL;
  settings->text = malloc(lines.length + 1);
  settings->standings = calloc(lines_in(lines), sizeof *settings->standings);
  bool made = settings->text && settings->standings;
  if (made && lines.length) memcpy(settings->text, lines.ptr, lines.length);
  for (Text rest = {settings->text, lines.length}; made && rest.length;) {
    made = read_settings_line(settings, text_until(&rest, '\n'));
  }
  if (made && settings->fingerprint.length && settings->share > 0 && settings->unrouted.rate > 0) {
    qsort(settings->standings, settings->number, sizeof *settings->standings, by_hashes);
    return settings;
  }
  free_settings(settings);
  return NULL;
}

void free_settings(Settings *settings) {
  free(settings->text);
  free(settings->standings);
  free(settings);
}

static const Standing *standing_of(const Settings *settings, uint64_t tenant_hash, uint64_t service_hash) {
  Standing wanted = {.tenant_hash = tenant_hash, .service_hash = service_hash};
  return bsearch(&wanted, settings->standings, settings->number, sizeof wanted, by_hashes);
}

TierLimits limits_of(const Settings *settings, const Route *route, uint64_t tenant_hash) {
  if (settings->number == 0) return route->tiers[STANDARD];
  const Standing *tier = standing_of(settings, tenant_hash, ANY);
  const Standing *own = standing_of(settings, tenant_hash, route->service_hash);
  TierLimits limits = route->tiers[tier ? tier->tier : STANDARD];
  if (own) limits.tenant = own->own.tenant;
  if (own && own->own.client.rate > 0) limits.client = own->own.client;
  return limits;
}
