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
  size_t authorizations, keys;
} Found;

static Found found_in(const Header *headers, size_t number) {
  Found found = {0};
  for (size_t at = 0; at < number; at++) {
    Text name = headers[at].name, value = headers[at].value;
    if (same(name, TEXT(":path"))) found.path = value;
    if (same(name, TEXT("traceparent"))) found.trace = value;
    if (same(name, TEXT("x-api-key"))) found.keys++;
    if (!same(name, TEXT("authorization"))) continue;
    found.authorization = value;
    found.authorizations++;
  }
  return found;
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
  // A caller that sends a trace has it kept, whatever part of the others is: Envoy asks this header.
  Text trace = found.trace.length ? copied(found.trace) : (Text){NULL, 0};
  if (path.length) envoy_dynamic_module_callback_early_header_mutation_add_header(request, PATH_HEADER, path);
  if (trace.length) {
    envoy_dynamic_module_callback_early_header_mutation_set_header(request, TEXT("x-client-trace-id"), trace);
    free((char *)trace.ptr);
  }
  if (claims && claims->tenant.length) {
    envoy_dynamic_module_callback_early_header_mutation_add_header(request, TENANT_HEADER, claims->tenant);
  }
  return true;
}
