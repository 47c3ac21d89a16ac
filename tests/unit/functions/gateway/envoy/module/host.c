#include "host.h"

#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static int64_t clock_unix_s = 1000000000, clock_up_ms = 1000000;
_Atomic uint64_t counters[3];
_Thread_local size_t starving;

// ---- what the linker puts in place of the system's (--wrap): a clock by command, the key 00 01 02 … 0f, and memory
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
  *now = (struct timespec){.tv_sec = clock_unix_s};
  if (clock == CLOCK_REALTIME_COARSE) return 0;
  if (clock != CLOCK_MONOTONIC_COARSE) abort();
  *now = (struct timespec){.tv_sec = clock_up_ms / 1000, .tv_nsec = clock_up_ms % 1000 * 1000000};
  return 0;
}

ssize_t __wrap_getrandom(void *to, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t length, unsigned flags) {
  (void)flags;
  for (size_t at = 0; at < length; at++) ((unsigned char *)to)[at] = (unsigned char)at;
  return (ssize_t)length;
}

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return starving && --starving == 0 ? NULL : __real_malloc(size); }

void *__wrap_calloc(size_t number, size_t size);
void *__wrap_calloc(size_t number, size_t size) {
  return starving && --starving == 0 ? NULL : __real_calloc(number, size);
}

void set_clocks(int64_t unix_s, int64_t up_ms) { clock_unix_s = unix_s, clock_up_ms = up_ms; }

// ---- texts and headers
Text text_kept(Text text) {
  char *bytes = __real_malloc(text.length + 1);  // one before the text: an empty one too lies at the end of its buffer
  if (bytes == NULL) abort();
  if (text.length) memcpy(bytes + 1, text.ptr, text.length);
  return (Text){bytes + 1, text.length};
}

void text_freed(Text text) {
  if (text.ptr) free((char *)text.ptr - 1);
}

void free_headers(Headers *headers) {
  for (size_t at = 0; at < headers->number; at++) {
    text_freed(headers->all[at].name);
    text_freed(headers->all[at].value);
  }
  free(headers->all);
  *headers = (Headers){0};
}

static void push(Headers *headers, Text name, Text value) {
  headers->all[headers->number++] = (Header){text_kept(name), text_kept(value)};
}

/// All headers anew, without those of the name when `without`, with one more where there is a `value`.
static void change(Headers *headers, Text name, bool without, const Text *value) {
  Headers fresh = {__real_calloc(headers->number + 1, sizeof *fresh.all), 0};
  if (fresh.all == NULL) abort();
  for (size_t at = 0; at < headers->number; at++) {
    Header header = headers->all[at];
    if (!without || !same(header.name, name)) push(&fresh, header.name, header.value);
  }
  if (value) push(&fresh, name, *value);
  free_headers(headers);
  *headers = fresh;
}

void append(Headers *headers, Text name, Text value) { change(headers, name, false, &value); }

void free_exchange(Exchange *exchange) {
  free_headers(&exchange->request);
  free_headers(&exchange->response);
  free_headers(&exchange->metadata);
  free_headers(&exchange->answered);
  text_freed(exchange->address);
  text_freed(exchange->body);
  text_freed(exchange->details);
  *exchange = (Exchange){0};
}

static Headers *of_kind(void *stream, int kind) {
  Exchange *exchange = stream;
  if (kind != REQUEST_HEADERS && kind != RESPONSE_HEADERS) abort();
  return kind == REQUEST_HEADERS ? &exchange->request : &exchange->response;
}

// ---- Envoy's side of a filter
bool envoy_dynamic_module_callback_http_get_header(void *stream, int kind, Text name, Text *value, size_t index,
                                                   size_t *number) {
  const Headers *headers = of_kind(stream, kind);
  size_t found = 0;
  *value = (Text){NULL, 0};
  for (size_t at = 0; at < headers->number; at++) {
    if (same(headers->all[at].name, name) && found++ == index) *value = headers->all[at].value;
  }
  if (number) *number = found;
  return index < found;
}

bool envoy_dynamic_module_callback_http_set_header(void *stream, int kind, Text name, Text value) {
  change(of_kind(stream, kind), name, true, value.ptr ? &value : NULL);
  return true;
}

bool envoy_dynamic_module_callback_http_add_header(void *stream, int kind, Text name, Text value) {
  change(of_kind(stream, kind), name, false, &value);
  return true;
}

void envoy_dynamic_module_callback_http_send_response(void *stream, uint32_t status, const Header *headers,
                                                      size_t number, Text body, Text details) {
  Exchange *exchange = stream;
  if (exchange->status || status == 0) abort();  // Envoy sends one answer
  exchange->status = status;
  exchange->body = text_kept(body);
  exchange->details = text_kept(details);
  for (size_t at = 0; at < number; at++) append(&exchange->answered, headers[at].name, headers[at].value);
}

const void *envoy_dynamic_module_callback_get_most_specific_route_config(void *stream) {
  return ((Exchange *)stream)->route;
}

bool envoy_dynamic_module_callback_http_filter_get_attribute_string(void *stream, int attribute, Text *value) {
  const Exchange *exchange = stream;
  if (attribute != SOURCE_ADDRESS) abort();
  if (exchange->has_address) *value = exchange->address;
  return exchange->has_address;
}

static void check_space(int source, Text space) {
  if (source != DYNAMIC_METADATA || !same(space, TEXT("envoy.filters.http.jwt_authn"))) abort();
}

size_t envoy_dynamic_module_callback_http_get_metadata_keys_count(void *stream, int source, Text space) {
  check_space(source, space);
  return ((Exchange *)stream)->metadata.number;
}

bool envoy_dynamic_module_callback_http_get_metadata_keys(void *stream, int source, Text space, Text *keys) {
  check_space(source, space);
  const Headers *metadata = &((Exchange *)stream)->metadata;
  for (size_t at = 0; at < metadata->number; at++) keys[at] = metadata->all[at].name;
  return metadata->number > 0;
}

int envoy_dynamic_module_callback_http_filter_config_define_counter(void *config, Text name, Text *labels,
                                                                    size_t number, size_t *id) {
  (void)config, (void)labels, (void)number;
  static const Text names[] = {TEXT("gate_checked"), TEXT("gate_limited"), TEXT("gate_denied")};
  for (*id = 0; *id < 3; ++*id) {
    if (same(name, names[*id])) return 0;
  }
  return 1;
}

int envoy_dynamic_module_callback_http_filter_increment_counter(void *stream, size_t id, Text *labels, size_t number,
                                                                uint64_t by) {
  (void)stream, (void)labels, (void)number;
  counters[id] += by;
  return 0;
}

// ---- and of the early mutation
size_t envoy_dynamic_module_callback_early_header_mutation_get_headers_size(void *request) {
  return of_kind(request, REQUEST_HEADERS)->number;
}

bool envoy_dynamic_module_callback_early_header_mutation_get_headers(void *request, Header *headers) {
  const Headers *all = of_kind(request, REQUEST_HEADERS);
  if (all->number) memcpy(headers, all->all, all->number * sizeof *headers);
  return true;
}

bool envoy_dynamic_module_callback_early_header_mutation_set_header(void *request, Text name, Text value) {
  return envoy_dynamic_module_callback_http_set_header(request, REQUEST_HEADERS, name, value);
}

bool envoy_dynamic_module_callback_early_header_mutation_add_header(void *request, Text name, Text value) {
  return envoy_dynamic_module_callback_http_add_header(request, REQUEST_HEADERS, name, value);
}

bool envoy_dynamic_module_callback_early_header_mutation_remove_header(void *request, Text name) {
  change(of_kind(request, REQUEST_HEADERS), name, true, NULL);
  return true;
}
