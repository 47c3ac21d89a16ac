// A stand-in for Envoy around the edge's module: headers over plain arrays, a clock that stands until it is set, and a
// key for the hashes that is not random.
//
// It is stricter than Envoy about memory. A text ends where its heap buffer ends, and every change of a header moves
// all of them: AddressSanitizer sees a read past the end, and a use of what was read before a change.
#pragma once

#include "settings.h"

typedef struct {
  Header *all;
  size_t number;
} Headers;

/// A request, what Envoy knows of it, and its answer.
typedef struct {
  Headers request, response;
  const Route *route;
  Text address;
  bool has_address;
  Headers metadata;  // the names of jwt_authn's
  uint32_t status;   // of an answer in place of a service's; 0 for none
  Headers answered;
  Text body, details;
} Exchange;

extern _Atomic uint64_t counters[3];

/// This thread's next, second … request of the module for memory fails, and none after it; 0: none.
extern _Thread_local size_t starving;
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);

/// Sets both clocks: Unix seconds, and milliseconds since the machine's start.
void set_clocks(int64_t unix_s, int64_t up_ms);

Text text_kept(Text text);
void text_freed(Text text);

/// Appends a header; all others move.
void append(Headers *headers, Text name, Text value);
void free_headers(Headers *headers);
void free_exchange(Exchange *exchange);

// ---- the module's hooks
const void *envoy_dynamic_module_on_early_header_mutation_config_new(void *envoy, Text name, Text config);
void envoy_dynamic_module_on_early_header_mutation_config_destroy(const void *config);
bool envoy_dynamic_module_on_early_header_mutation_mutate(const void *config, void *request);
const char *envoy_dynamic_module_on_program_init(void);
const void *envoy_dynamic_module_on_http_filter_config_new(void *config, Text name, Text lines);
void envoy_dynamic_module_on_http_filter_config_destroy(const void *settings);
const void *envoy_dynamic_module_on_http_filter_per_route_config_new(Text name, Text lines);
void envoy_dynamic_module_on_http_filter_per_route_config_destroy(const void *route);
const void *envoy_dynamic_module_on_http_filter_new(const void *settings, void *envoy);
void envoy_dynamic_module_on_http_filter_destroy(const void *stream);
int envoy_dynamic_module_on_http_filter_request_headers(void *envoy, const void *filter, bool end);
int envoy_dynamic_module_on_http_filter_response_headers(void *envoy, const void *filter, bool end);
