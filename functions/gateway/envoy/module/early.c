// What happens to a request's headers before it is routed: those by which the edge speaks are taken off, the path goes
// into a header without its query, and a token that is known gives its tenant, by which its route leaves jwt_authn out.

#include <stdlib.h>

#include "tokens.h"

#define PATH_HEADER TEXT("x-platform-path")

enum { ON_STACK = 128 };

/// All headers of a request; `many` where they are too many for the stack (the listener takes 100), to be freed.
typedef struct {
  Header few[ON_STACK], *many;
  size_t number;
} Headers;

static const Header *read_headers(void *request, Headers *all) {
  all->number = envoy_dynamic_module_callback_early_header_mutation_get_headers_size(request);
  all->many = all->number > ON_STACK ? calloc(all->number, sizeof *all->many) : NULL;
  Header *headers = all->number > ON_STACK ? all->many : all->few;
  // Going on would let headers in that may steer the edge.
  if (headers == NULL || !envoy_dynamic_module_callback_early_header_mutation_get_headers(request, headers)) abort();
  return headers;
}

static bool is_own(Text name) {
  return name.length > 2 && name.ptr[0] == 'x' && (begins(name, TEXT("x-platform-")) || begins(name, TEXT("x-envoy-")));
}

/// A copy of what lies in a header that is about to be changed, or behind another's change. To be freed.
static Text copied(Text text) {
  char *copy = malloc(text.length);
  if (copy == NULL) abort();
  memcpy(copy, text.ptr, text.length);
  return (Text){copy, text.length};
}

/// Removes a header by which the edge speaks; false where there is none.
static bool remove_own(void *request, const Header *headers, size_t number) {
  for (size_t at = 0; at < number; at++) {
    if (!is_own(headers[at].name)) continue;
    Text name = copied(headers[at].name);
    envoy_dynamic_module_callback_early_header_mutation_remove_header(request, name);
    free((char *)name.ptr);
    return true;
  }
  return false;
}

const void *envoy_dynamic_module_on_early_header_mutation_config_new(void *envoy, Text name, Text config) {
  (void)envoy, (void)name, (void)config;
  static const char nothing;
  return &nothing;
}

void envoy_dynamic_module_on_early_header_mutation_config_destroy(const void *config) { (void)config; }

/// What the mutation looks for; a text of a header that the request does not have is empty.
typedef struct {
  Text path, trace, authorization;
  size_t traces, client_traces, authorizations, keys;
} Found;

static Found found_in(const Header *headers, size_t number) {
  Found found = {0};
  for (size_t at = 0; at < number; at++) {
    Text name = headers[at].name, value = headers[at].value;
    if (same(name, TEXT(":path"))) found.path = value;
    if (same(name, TEXT("x-client-trace-id"))) found.client_traces++;
    if (same(name, TEXT("x-api-key"))) found.keys++;
    if (same(name, TEXT("traceparent"))) {
      found.trace = value;
      found.traces++;
    }
    if (!same(name, TEXT("authorization"))) continue;
    found.authorization = value;
    found.authorizations++;
  }
  return found;
}

/// Whether Envoy goes on with this traceparent (W3C Trace Context, 3.2). With another one a request would have no trace.
static bool is_trace(Text text) {
  static const char form[] = "00-00000000000000000000000000000000-0000000000000000-00";
  if (text.length != sizeof form - 1) return false;
  for (size_t at = 0; at < text.length; at++) {
    char sign = text.ptr[at];
    if (form[at] == '-' ? sign != '-' : !((sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'f'))) return false;
  }
  return memcmp(text.ptr + 3, form + 3, 32) != 0 && memcmp(text.ptr + 36, form + 36, 16) != 0;
}

/// A caller that sends a trace has it kept, whatever part of the others is: Envoy asks x-client-trace-id. `trace` is the
/// caller's own, which is freed; empty where there is none to go on with, and then the edge begins one.
static void go_on(void *request, Text trace, const Found *found) {
  if (trace.length) {
    envoy_dynamic_module_callback_early_header_mutation_set_header(request, TEXT("x-client-trace-id"), trace);
    free((char *)trace.ptr);
    return;
  }
  if (found->traces) envoy_dynamic_module_callback_early_header_mutation_remove_header(request, TEXT("traceparent"));
  if (found->client_traces) {
    envoy_dynamic_module_callback_early_header_mutation_remove_header(request, TEXT("x-client-trace-id"));
  }
}

bool envoy_dynamic_module_on_early_header_mutation_mutate(const void *config, void *request) {
  (void)config;
  Headers all;
  const Header *headers = read_headers(request, &all);
  while (remove_own(request, headers, all.number)) {
    free(all.many);
    headers = read_headers(request, &all);
  }
  Found found = found_in(headers, all.number);
  free(all.many);
  bool may_be_known = found.authorizations == 1 && found.keys == 0;
  const Claims *claims = may_be_known ? known_token(found.authorization) : NULL;
  Text path = text_until(&found.path, '?');
  Text trace = found.traces == 1 && is_trace(found.trace) ? copied(found.trace) : (Text){NULL, 0};
  if (path.length) envoy_dynamic_module_callback_early_header_mutation_add_header(request, PATH_HEADER, path);
  go_on(request, trace, &found);
  if (claims && claims->tenant.length) {
    envoy_dynamic_module_callback_early_header_mutation_add_header(request, TENANT_HEADER, claims->tenant);
  }
  return true;
}
