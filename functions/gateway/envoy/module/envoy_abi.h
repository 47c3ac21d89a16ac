// The part of Envoy's dynamic module ABI (v0.2.0, Envoy 1.40) that this module uses: what Envoy exports, in C.
//
// Source: source/extensions/dynamic_modules/abi/abi.h of the Envoy release. Envoy refuses a module of another ABI when
// it loads it. Pointers to Envoy's bytes are valid until the hook returns or a header is changed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_VERSION "v0.2.0"

/// Bytes that somebody else owns; not ended by a zero.
typedef struct {
  const char *ptr;
  size_t length;
} Text;

/// A header of a request or an answer.
typedef struct {
  Text name, value;
} Header;

enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum { CONTINUE = 0, STOP_ITERATION = 1 };
enum { DYNAMIC_METADATA = 0 };
enum { SOURCE_ADDRESS = 24 };

// ---- what Envoy does for a filter
bool envoy_dynamic_module_callback_http_get_header(void *stream, int kind, Text name, Text *value, size_t index,
                                                   size_t *number);
bool envoy_dynamic_module_callback_http_set_header(void *stream, int kind, Text name, Text value);
bool envoy_dynamic_module_callback_http_add_header(void *stream, int kind, Text name, Text value);
void envoy_dynamic_module_callback_http_send_response(void *stream, uint32_t status, const Header *headers,
                                                      size_t number, Text body, Text details);
const void *envoy_dynamic_module_callback_get_most_specific_route_config(void *stream);
bool envoy_dynamic_module_callback_http_filter_get_attribute_string(void *stream, int attribute, Text *value);
size_t envoy_dynamic_module_callback_http_get_metadata_keys_count(void *stream, int source, Text space);
bool envoy_dynamic_module_callback_http_get_metadata_keys(void *stream, int source, Text space, Text *keys);
int envoy_dynamic_module_callback_http_filter_config_define_counter(void *config, Text name, Text *labels,
                                                                    size_t number, size_t *id);
int envoy_dynamic_module_callback_http_filter_increment_counter(void *stream, size_t id, Text *labels, size_t number,
                                                                uint64_t by);

// ---- and for the mutation of headers before a request is routed
size_t envoy_dynamic_module_callback_early_header_mutation_get_headers_size(void *request);
bool envoy_dynamic_module_callback_early_header_mutation_get_headers(void *request, Header *headers);
bool envoy_dynamic_module_callback_early_header_mutation_set_header(void *request, Text name, Text value);
bool envoy_dynamic_module_callback_early_header_mutation_add_header(void *request, Text name, Text value);
bool envoy_dynamic_module_callback_early_header_mutation_remove_header(void *request, Text name);
