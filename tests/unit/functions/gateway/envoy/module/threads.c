// The module as Envoy runs it: workers that take requests, each with tokens of its own, and a main thread that changes
// the keys while they do.
//
// Arguments: workers, requests of each, changes of the keys. The clocks stand: a bucket is never filled.
// Prints how many requests of all were admitted, and how many answers were wrong.
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

enum { TOKENS = 50, MOST = 64 };

static const char *const lines[] = {
    "keys one\ninstances 1\nunrouted 1 1",
    "keys two\ninstances 1\nunrouted 1 1",
};
static const char limits[] = "scope read\nservice metadata\ntier 0 1 1 1 1\ntier 1 1 5000 1 5000\ntier 2 1 1 1 1\n";

static const void *token_route, *known_route, *settings;
static size_t requests;
static _Atomic uint64_t admitted, wrong;

static Text text(const char *from) { return (Text){from, strlen(from)}; }

static const void *route(const char *passes) {
  char all[300];
  snprintf(all, sizeof all, "passes %s\n%s", passes, limits);
  return envoy_dynamic_module_on_http_filter_per_route_config_new(TEXT("gate"), text(all));
}

static void add(Headers *headers, const char *name, const char *value) { append(headers, text(name), text(value)); }

/// What the gate makes of a request: the status, 0 where it passes.
static uint32_t passed(Exchange *exchange, const void *by) {
  exchange->route = by;
  const void *stream = envoy_dynamic_module_on_http_filter_new(settings, exchange);
  envoy_dynamic_module_on_http_filter_request_headers(exchange, stream, true);
  envoy_dynamic_module_on_http_filter_response_headers(exchange, stream, true);
  envoy_dynamic_module_on_http_filter_destroy(stream);
  return exchange->status;
}

/// Whether the request was told this tenant and no other; true when it was told none.
static bool is_known_as(const Exchange *exchange, const char *tenant, bool *known) {
  for (size_t at = 0; at < exchange->request.number; at++) {
    Header header = exchange->request.all[at];
    if (!same(header.name, TEXT("x-platform-tenant"))) continue;
    *known = true;
    return same(header.value, text(tenant));
  }
  return true;
}

static void note(uint32_t status) {
  admitted += status == 0;
  wrong += status != 0 && status != 429;
}

/// jwt_authn lets a token pass with one of the two sets of keys.
static void let_pass(const char *token, const char *tenant, const char *keys) {
  Exchange exchange = {0};
  add(&exchange.request, "authorization", token);
  add(&exchange.request, "x-platform-tenant", tenant);
  add(&exchange.request, "x-platform-scope", "read");
  add(&exchange.request, "x-platform-expires", "2000000000");
  add(&exchange.metadata, keys, "");
  note(passed(&exchange, token_route));
  free_exchange(&exchange);
}

static void ask(const char *token, const char *tenant, const char *keys) {
  Exchange exchange = {0};
  bool known = false;
  add(&exchange.request, "authorization", token);
  envoy_dynamic_module_on_early_header_mutation_mutate(NULL, &exchange);
  if (!is_known_as(&exchange, tenant, &known)) wrong++;
  if (known) note(passed(&exchange, known_route));
  free_exchange(&exchange);
  if (!known) let_pass(token, tenant, keys);
}

static void *work(void *argument) {
  size_t worker = (size_t)argument;
  for (size_t number = 0; number < requests; number++) {
    char token[40], tenant[40];
    snprintf(token, sizeof token, "Bearer %zu of %zu", number % TOKENS, worker % 2);
    snprintf(tenant, sizeof tenant, "tenant %zu", number % 2);
    ask(token, tenant, number / TOKENS % 2 ? "one" : "two");
  }
  return NULL;
}

static const void *settings_of(size_t number) {
  return envoy_dynamic_module_on_http_filter_config_new(NULL, TEXT("gate"), text(lines[number % 2]));
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  size_t workers = strtoul(arguments[1], NULL, 10), changes = strtoul(arguments[3], NULL, 10);
  requests = strtoul(arguments[2], NULL, 10);
  if (workers > MOST) return 2;
  settings = settings_of(0), token_route = route("token"), known_route = route("known");
  pthread_t threads[MOST];
  for (size_t at = 0; at < workers; at++) {
    if (pthread_create(&threads[at], NULL, work, (void *)at)) abort();
  }
  for (size_t at = 1; at <= changes; at++) envoy_dynamic_module_on_http_filter_config_destroy(settings_of(at));
  for (size_t at = 0; at < workers; at++) pthread_join(threads[at], NULL);
  printf("%" PRIu64 " %" PRIu64 "\n", admitted, wrong);
  envoy_dynamic_module_on_http_filter_config_destroy(settings);
  free((void *)token_route);
  free((void *)known_route);
  return 0;
}
